import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { playCase } from '../../cases/case-server.ts'
import { isOpen } from '../src/cli/place.ts'
import { ConnectionError, FreddyAuth, memoryStore, TimeoutError } from '../src/index.ts'

const NOWHERE = 'http://127.0.0.1:9/v1'
const secrets = ['access-of-ada', 'refresh-of-ada', 'ak_of_ada', 'uuid-of-ada', 'password of ada']

/** What a log would hold of a value, whoever writes it. */
function assertSilent(value: unknown): void {
  const shown = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value)].join()
  for (const secret of secrets) assert.equal(shown.includes(secret), false, `${secret}: ${shown}`)
}

test('neither a client nor its errors show a token, a key or a password', async (context) => {
  const tokens = { token: 'access-of-ada', refreshToken: 'refresh-of-ada' }
  const options = { baseUrl: NOWHERE, wait: async () => {} }
  const signedIn = new FreddyAuth({ ...options, store: memoryStore(tokens) })
  const program = new FreddyAuth({ ...options, apiKey: 'ak_of_ada', deviceToken: 'access-of-ada' })
  for (const auth of [signedIn, program]) {
    await auth.restore()
    assertSilent(auth)
    for (const call of [
      auth.me(),
      auth.refresh(),
      auth.challenge('uuid-of-ada'),
      auth.resetPassword('uuid-of-ada', 1000, 'password of ada'),
      auth.login('ada', 'password of ada'),
    ])
      await assert.rejects(call, (error) => assertSilent(error) === undefined)
  }
  const server = await playCase({
    server: [{ on: 'GET /v1/auth/challenge/uuid-of-ada', answer: { silent: true } }],
  })
  context.after(() => server.down())
  const slow = new FreddyAuth({ ...options, baseUrl: server.baseUrl, timeoutMs: 100, retries: 0 })
  await assert.rejects(slow.challenge('uuid-of-ada'), (error) => {
    assertSilent(error)
    return error instanceof TimeoutError
  })
})

test('a redirect is not followed: the credential is for one server', async (context) => {
  const headers = { location: 'http://127.0.0.1:9/elsewhere' }
  const server = await playCase({
    server: [
      { on: 'GET /v1/user/me', answer: { status: 307, headers, body: {} } },
      { on: 'GET /v1/user/me', answer: { status: 302, headers, body: {} } },
    ],
  })
  context.after(() => server.down())
  const auth = new FreddyAuth({ baseUrl: server.baseUrl, apiKey: 'ak_of_ada', retries: 0 })
  await assert.rejects(auth.me(), (error) => {
    assert.ok(error instanceof ConnectionError)
    assert.match(error.message, /elsewhere/)
    return true
  })
  assert.equal((await auth.fetch('/user/me')).status, 302)
  assert.deepEqual(server.problems(), [])
})

test('an address that everybody can listen to is known', () => {
  for (const safe of ['https://auth.example.com/v1', 'http://localhost:3000/v1', 'http://[::1]/v1'])
    assert.equal(isOpen(safe), false, safe)
  for (const open of ['http://auth.example.com/v1', 'http://localhost.example.com/v1'])
    assert.equal(isOpen(open), true, open)
})
