import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { disableUser } from '../src/auth/roster.ts'
import { type Freddy, PASSWORD, scene } from './freddy.ts'
import { beginEvents, booked, event, type ModelServer, startModelServer } from './model-server.ts'

const streamed = { model: 'any', input: 'Hello', stream: true }

/** What the last event of a stream says, by the credential that its caller had. */
const codes = { session: 'TOKEN_INVALID', key: 'INVALID_API_KEY' } as const

/** Streams that go on for ever, until somebody shuts their callers out. */
function endless(
  name: string,
  who: readonly (keyof typeof codes)[],
  shutOut: (freddy: Freddy, ada: { id: string; token: string; keyId: string }) => Promise<unknown>,
  told: Readonly<Record<keyof typeof codes, string>> = codes,
): void {
  scene(
    name,
    async (freddy, context) => {
      const model = await startModelServer()
      context.after(() => model.close())
      const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
      Object.assign(freddy.running.app.models, { standard: upstream, upstreams: [upstream] })
      const { id } = await freddy.person('ada')
      const { token } = await freddy.signIn({
        id,
        email: 'ada@example.com',
        userName: 'ada',
        password: PASSWORD,
      })
      const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
      const callers = { session: { token }, key: { headers: { 'api-key': made.body.key } } }

      const begun = begins(model, who.length)
      const asked = who.map((kind) =>
        freddy.ask('POST /v1/responses', { ...callers[kind], body: streamed }),
      )
      const gone = await begun
      await shutOut(freddy, { id, token, keyId: made.body.id })
      const answers = await Promise.all(asked)
      await Promise.all(gone)
      for (const [index, kind] of who.entries()) {
        const last = new RegExp(`event: error\ndata: .*"code":"${told[kind]}".*"status":401`)
        assert.match(answers[index]?.text ?? '', last)
      }
      assert.equal((await booked(freddy)).length, who.length, 'what was said is owed')
      assert.equal(freddy.running.app.upstreams.open, 0)
    },
    { env: { UPSTREAM_ALLOW: '127.0.0.0/8', UPSTREAM_TIMES: 'idle=8' } },
  )
}

const delta = event({ type: 'response.output_text.delta', delta: 'a' })

/** Resolves when so many streams have begun, with their ends to come. */
function begins(model: ModelServer, most: number, words = [delta]): Promise<Promise<unknown>[]> {
  const ends: Promise<unknown>[] = []
  return new Promise((resolve) => {
    model.behave((answer) => {
      if (words.length > 0) beginEvents(answer)
      for (const word of words) answer.write(word)
      ends.push(once(answer, 'close'))
      if (ends.length === most) resolve(ends)
    })
  })
}

endless(
  'attack 086: who is disabled loses the streams that run, by session and by key',
  ['session', 'key'],
  ({ running, now }, { id }) => {
    const origin = { address: 'shell', source: 'shell', network: null, agent: 'test' }
    return disableUser({ app: running.app, now: now(), origin, actor: 'shell' }, id)
  },
)

endless(
  'attack 086: a key that is revoked loses the streams that run',
  ['key'],
  (freddy, { token, keyId }) => freddy.ask(`DELETE /v1/api-keys/${keyId}`, { token }),
)

endless(
  'attack 086: a secret that was replaced at once loses the streams that run',
  ['key'],
  (freddy, { token, keyId }) => {
    const body = { overlap_days: 0 }
    return freddy.ask(`POST /v1/api-keys/${keyId}/rotate`, { token, body })
  },
  { ...codes, key: 'API_KEY_EXPIRED' },
)

endless(
  'attack 086: who signs out loses the stream of that session',
  ['session'],
  (freddy, { token }) => freddy.ask('POST /v1/auth/logout', { token, body: {} }),
)

scene(
  'attack 120: who leaves a call owes what it may have cost, and who was not heard yet owes nothing',
  async (freddy, context) => {
    const model = await startModelServer()
    context.after(() => model.close())
    const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
    Object.assign(freddy.running.app.models, { standard: upstream, upstreams: [upstream] })
    const { token } = await freddy.signIn(await freddy.person('ada'))
    await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = freddy.running.http.server.address() as AddressInfo
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const leave = async (body: object) => {
      const begun = begins(model, 1, [])
      const ask = request({ port, path: '/v1/responses', method: 'POST', headers })
      ask.on('error', () => {})
      ask.end(JSON.stringify(body))
      const gone = await begun
      ask.destroy()
      await Promise.all(gone)
      while (freddy.running.app.upstreams.open > 0) await new Promise((go) => setImmediate(go))
      freddy.pass(1)
    }
    const plain = { model: 'any', input: 'Hello', max_output_tokens: 500 }
    const asked = Math.ceil(JSON.stringify(plain).length / 4)
    await leave(plain)
    await leave({ ...plain, stream: true })
    assert.deepEqual(await booked(freddy), [
      asked + 500,
      Math.ceil(JSON.stringify({ ...plain, stream: true }).length / 4),
    ])
    await model.close()
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: plain })).status, 502)
    assert.equal((await booked(freddy)).at(-1), 0)
  },
  { env: { UPSTREAM_ALLOW: '127.0.0.0/8' } },
)
