import { echoBody, type Flow } from '../frame/flows.ts'
import type { Comparison, Opened, Setting, Side } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold, FreddyWishes } from '../subjects/freddy.ts'

const WARM_TOKENS = 2000
/** More than are remembered as checked: in turn, each is met as if for the first time. */
const MANY_TOKENS = 60_000

const answered = { status: 200, has: '"output_text":"Hello world"' }

function asking(header: string, value: string, credentials: readonly string[]): Flow {
  const line = {
    method: 'POST',
    path: '/v1/responses',
    headers: { [header]: value },
    body: echoBody,
  } as const
  return { kind: 'each', line, credentials, expected: answered }
}

const byToken = (told: FreddyTold) =>
  asking('authorization', 'Bearer CREDENTIAL', told.accessTokens)
const byKey = (told: FreddyTold) => asking('api-key', 'CREDENTIAL', told.keys)
const byNothing = (flow: Flow): Flow => {
  if (flow.kind !== 'each') return flow
  const { headers: _, ...line } = flow.line
  return { ...flow, line, expected: { status: 401, has: '_' } }
}

async function openFreddy(
  wishes: FreddyWishes,
  flowOf: (told: FreddyTold) => Flow,
): Promise<Opened> {
  const subject = await startSubject<FreddyTold>('freddy', wishes)
  return { subject, flow: flowOf(subject.told) }
}

function floor(name: string, subject: string, flowOf = (flow: Flow) => flow): Side {
  return {
    name,
    async open() {
      const flow = flowOf(asking('authorization', 'Bearer CREDENTIAL', ['x'.repeat(400)]))
      return { subject: await startSubject(subject), flow }
    },
  }
}

const sessions = (count: number, { share }: Setting) => Math.ceil(count * share)
const fastify = floor('Fastify', 'fastify')
const nodeHttp = floor('node:http', 'node-http')

const freddyByToken = (name: string, count: number): Side => ({
  name,
  open: (setting) => openFreddy({ sessions: sessions(count, setting) }, byToken),
})

export const authenticated: Comparison = {
  kind: 'comparison',
  name: 'authenticated',
  title: 'A call with an access token, 2,000 of them, revocation honoured on each',
  goal: 'P1: at least 0.92 of Fastify, at most 1.10 of its CPU',
  connections: 32,
  unit: 'calls',
  sides: [fastify, nodeHttp, freddyByToken('Freddy Auth', WARM_TOKENS)],
}

export const firstSeen: Comparison = {
  kind: 'comparison',
  name: 'first-seen',
  title: 'The same, each token and session met for the first time',
  goal: 'P2: at least 0.70 of Fastify',
  connections: 32,
  unit: 'calls',
  sides: [fastify, freddyByToken('Freddy Auth', MANY_TOKENS)],
}

export const apiKey: Comparison = {
  kind: 'comparison',
  name: 'api-key',
  title: 'A call with an API key, 2,000 of them',
  goal: 'P3: at least 0.85 of Fastify',
  connections: 32,
  unit: 'calls',
  sides: [
    fastify,
    {
      name: 'Freddy Auth',
      open: (setting) => openFreddy({ keys: sessions(WARM_TOKENS, setting) }, byKey),
    },
  ],
}

export const refused: Comparison = {
  kind: 'comparison',
  name: 'refused',
  title: 'A call without a credential, and one with a forged token',
  goal: 'P4: at most 1.1 of the CPU of Fastify',
  connections: 32,
  unit: 'refusals',
  sides: [
    floor('Fastify', 'fastify', byNothing),
    {
      name: 'Freddy Auth, none',
      open: () => openFreddy({ sessions: 1 }, (told) => byNothing(byToken(told))),
    },
    {
      name: 'Freddy Auth, forged',
      open: () => openFreddy({ sessions: 1 }, forged),
    },
  ],
}

function forged({ accessTokens }: FreddyTold): Flow {
  const [token = ''] = accessTokens
  const flow = asking('authorization', 'Bearer CREDENTIAL', [`${token.slice(0, -4)}AAAA`])
  return { ...flow, expected: { status: 401, has: '"TOKEN_INVALID"' } } as Flow
}
