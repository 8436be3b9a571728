import type { Flow, Line } from '../frame/flows.ts'
import type { Comparison } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { floor, freddy, same, WARM } from './sides.ts'

/** Answers of many rows, and those that come in parts. */

const list: Comparison = {
  name: 'sessions',
  title: 'The list of 20 sessions of a person',
  unit: 'lists',
  connections: 32,
  sides: [
    floor(
      'Fastify, one SELECT',
      'statement',
      same({ method: 'GET', path: '/read' }, 200, '"object":"list"'),
    ),
    freddy('Freddy Auth', { sessions: 20 * WARM }, ({ accessTokens }) => ({
      kind: 'each',
      line: {
        method: 'GET',
        path: '/v1/auth/sessions',
        headers: { authorization: 'Bearer CREDENTIAL' },
      },
      credentials: accessTokens.slice(0, WARM),
      expected: { status: 200, has: '"object":"list"' },
    })),
  ],
}

const question = {
  method: 'POST',
  path: '/v1/responses',
  json: { model: 'any', input: 'Hello', stream: true },
} as const satisfies Line

const streamed = (line: Line, credentials: readonly string[]): Flow => ({
  kind: 'each',
  line,
  credentials,
  expected: { status: 200, has: 'response.completed' },
})

const stream: Comparison = {
  name: 'stream',
  title: 'The first byte of a streamed answer, by one client',
  goal: 'P13: 2 ms more than the model server itself',
  unit: 'streams',
  connections: 1,
  sides: [
    floor('the model server itself', 'model', streamed(question, [''])),
    {
      name: 'through Freddy Auth',
      async open() {
        const model = await startSubject('model')
        const env = { UPSTREAM_URL: `http://127.0.0.1:${model.port}/v1` }
        const subject = await startSubject<FreddyTold>('freddy', { keys: 64, env })
        const line = { ...question, headers: { 'api-key': 'CREDENTIAL' } }
        return { subject, flow: streamed(line, subject.told.keys), behind: [model] }
      },
    },
  ],
}

export const longComparisons = [list, stream] as const
