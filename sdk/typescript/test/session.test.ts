import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Case, Rule } from '../../cases/case.ts'
import { type CaseServer, playCase } from '../../cases/case-server.ts'
import {
  FreddyAuth,
  type FreddyOptions,
  memoryStore,
  NotSignedInError,
  SessionEndedError,
  TimeoutError,
  type TokenStore,
  type Tokens,
} from '../src/index.ts'
import { within } from '../src/transport.ts'
import { slowStore } from './slow-store.ts'

const first: Tokens = { token: 'access-1', refreshToken: 'refresh-1' }
const second: Tokens = { token: 'access-2', refreshToken: 'refresh-2' }

const me = (token: string, answer: Rule['answer']): Rule => ({
  on: 'GET /v1/user/me',
  headers: { authorization: `Bearer ${token}` },
  answer,
})
const refresh = (refresh_token: string, answer: Rule['answer']): Rule => ({
  on: 'POST /v1/auth/refresh',
  body: { refresh_token },
  answer,
})
const over: Rule['answer'] = { refuse: { status: 401, code: 'TOKEN_EXPIRED' } }
const ended: Rule['answer'] = { refuse: { status: 401, code: 'TOKEN_INVALID' } }
const ada: Rule['answer'] = { body: { username: 'ada' } }

async function served(context: TestContext, server: Case['server']): Promise<CaseServer> {
  const played = await playCase({ server })
  context.after(() => played.down())
  return played
}

/** A client of this server; `before` runs ahead of each of its requests. */
function clientOf(
  { baseUrl }: CaseServer,
  options: Partial<FreddyOptions>,
  before: (path: string) => unknown = () => {},
): FreddyAuth {
  return new FreddyAuth({
    baseUrl,
    ...options,
    wait: async () => {},
    fetch: async (input, init) => {
      await before(new URL(String(input)).pathname)
      return fetch(input, init)
    },
  })
}

const verified: Rule = { on: 'POST /v1/auth/verify', answer: { body: second } }
const loggedOut: Rule = { on: 'POST /v1/auth/logout', answer: { body: {} } }

test('when a refresh is refused, tokens that another process kept meanwhile are taken', async (context) => {
  const server = await served(context, [
    me('access-1', over),
    refresh('refresh-1', ended),
    me('access-2', ada),
  ])
  const store = memoryStore(first)
  const auth = clientOf(server, { store }, (path) =>
    path.endsWith('/refresh') ? store.write(second) : null,
  )
  assert.equal((await auth.me()).username, 'ada')
  assert.deepEqual(await store.read(), second)
  assert.deepEqual(server.problems(), [])
})

test('who signs out while a refresh is under way stays signed out', async (context) => {
  const server = await served(context, [
    me('access-1', over),
    refresh('refresh-1', { body: { token: 'access-2' } }),
    { on: 'POST /v1/auth/logout', answer: { body: {} } },
  ])
  const store = memoryStore(first)
  const auth = clientOf(server, { store }, (path) =>
    path.endsWith('/refresh') ? auth.logout() : null,
  )
  await assert.rejects(auth.me(), NotSignedInError)
  assert.equal(await store.read(), null)
  assert.deepEqual(server.problems(), [])
})

test('who signs in while the store is read has the new session', async (context) => {
  const server = await served(context, [{ ...verified, times: 2 }])
  for (const kept of [first, null]) {
    const { store, begun, goOn } = slowStore(context, 'read', kept)
    const auth = clientOf(server, { store })
    const restored = auth.restore()
    await begun
    await auth.verify('uuid-1', 2290)
    goOn()
    assert.equal(await restored, true)
    assert.equal(auth.getHeaders().Authorization, 'Bearer access-2')
  }
  assert.deepEqual(server.problems(), [])
})

test('who signs out while the store is read stays signed out', async (context) => {
  const server = await served(context, [loggedOut])
  const { store, begun, goOn } = slowStore(context, 'read', first)
  const auth = clientOf(server, { store })
  const restored = auth.restore()
  await begun
  await auth.logout()
  goOn()
  assert.equal(await restored, false)
  assert.throws(() => auth.getHeaders(), NotSignedInError)
  assert.deepEqual(server.problems(), [])
})

test('who signs out while renewed tokens are written stays signed out', async (context) => {
  const server = await served(context, [
    me('access-1', over),
    refresh('refresh-1', { body: { token: 'access-2' } }),
    loggedOut,
  ])
  const { store, begun, goOn } = slowStore(context, 'write', first)
  const auth = clientOf(server, { store })
  const asked = assert.rejects(auth.me(), NotSignedInError)
  await begun
  await auth.logout()
  goOn()
  await asked
  assert.equal(await store.read(), null)
  assert.equal(await auth.restore(), false)
  assert.deepEqual(server.problems(), [])
})

test('what the store still keeps during a log-out signs nobody in', async (context) => {
  const server = await served(context, [loggedOut])
  const { store, begun, goOn } = slowStore(context, 'clear', first)
  const auth = clientOf(server, { store })
  const out = auth.logout()
  await begun
  assert.equal(await auth.restore(), false)
  goOn()
  await out
  assert.equal(await auth.restore(), false)
})

test('who signs in while a log-out clears the store stays signed in', async (context) => {
  const server = await served(context, [loggedOut, verified])
  const { store, begun, goOn } = slowStore(context, 'clear', first)
  const auth = clientOf(server, { store })
  const out = auth.logout()
  await begun
  await auth.verify('uuid-1', 2290)
  goOn()
  await out
  assert.deepEqual(await store.read(), second)
  assert.equal(await auth.restore(), true)
})

test('a store that cannot be cleared signs nobody in again', async (context) => {
  const server = await served(context, [loggedOut])
  const memory = memoryStore(first)
  const clear = async () => assert.fail('the disk is full')
  const auth = clientOf(server, { store: { ...memory, clear } })
  for (const _ of 'ab') await assert.rejects(auth.logout(), /the disk is full/)
  assert.equal(await auth.restore(), false)
  await memory.write(second)
  assert.equal(await auth.restore(), true)
})

test('who leaves while a refresh is under way takes it from nobody', async (context) => {
  const server = await served(context, [
    { ...me('access-1', over), times: 2, gather: 2 },
    refresh('refresh-1', { body: { token: 'access-2' } }),
    me('access-2', ada),
  ])
  const leaving = new AbortController()
  const auth = clientOf(server, { store: memoryStore(first) }, (path) => {
    if (path.endsWith('/refresh')) leaving.abort(new Error('went away'))
  })
  const stays = auth.me()
  const leaves = auth.me({ signal: leaving.signal })
  await assert.rejects(leaves, /went away/)
  assert.equal((await stays).username, 'ada')
  assert.deepEqual(server.problems(), [])
})

test('a call with a signal that was aborted before sends nothing', async (context) => {
  const server = await served(context, [])
  const auth = clientOf(server, { store: memoryStore(first) })
  await assert.rejects(auth.me({ signal: AbortSignal.abort(new Error('gone')) }), /gone/)
  assert.deepEqual(server.problems(), [])
})

test('an abort in the middle of a stream leaves it, by its own reason', async (context) => {
  const events = [{ type: 'response.created' }]
  const server = await served(context, [
    { on: 'POST /v1/responses', answer: { events, open: true } },
  ])
  const auth = clientOf(server, { store: memoryStore(first) })
  const leaving = new AbortController()
  const stream = auth.createResponse('echo-1', [], { stream: true, signal: leaving.signal })
  await assert.rejects(async () => {
    for await (const { type } of stream) leaving.abort(new Error(`left at ${type}`))
  }, /left at response.created/)
})

test('a stream that falls silent is given up', async (context) => {
  const events = [{ type: 'response.created' }]
  const server = await served(context, [
    { on: 'POST /v1/responses', answer: { events, open: true } },
  ])
  const auth = clientOf(server, { store: memoryStore(first), timeoutMs: 300 })
  const seen: string[] = []
  await assert.rejects(async () => {
    for await (const { type } of auth.createResponse('echo-1', [], { stream: true }))
      seen.push(type)
  }, TimeoutError)
  assert.deepEqual(seen, ['response.created'])
})

test('a store that never answers keeps nobody waiting for ever', async () => {
  await assert.rejects(within(10, 'The token store', new Promise(() => {})), TimeoutError)
  assert.equal(await within(60_000, 'The token store', Promise.resolve('kept')), 'kept')
  await assert.rejects(within(60_000, 'It', Promise.reject(new Error('broken'))), /broken/)
})

test('a failing store is told, and the session goes on in memory', async (context) => {
  const server = await served(context, [
    { on: 'POST /v1/auth/verify', answer: { body: first } },
    me('access-1', ada),
    me('access-1', over),
    refresh('refresh-1', ended),
  ])
  const broken: TokenStore = {
    read: async () => null,
    write: async () => {
      throw new Error('the disk is full')
    },
    clear: async () => {},
  }
  const auth = clientOf(server, { store: broken })
  await assert.rejects(auth.verify('uuid-1', 2290), /the disk is full/)
  assert.equal((await auth.me()).username, 'ada')
  await assert.rejects(auth.me(), SessionEndedError)
  assert.deepEqual(server.problems(), [])
})
