import assert from 'node:assert/strict'
import { makeApiKey } from '../src/auth/api-key.ts'
import { allowed } from '../src/auth/audit.ts'
import { appointUser, deleteUser, disableUser, signUserOut } from '../src/auth/roster.ts'
import { events, tellings } from '../src/events.ts'
import type { NewEvent } from '../src/store/events.ts'
import { createStore } from '../src/store/store.ts'
import { DAY, type Freddy, PASSWORD, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

interface Told {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A program of the operator's, which follows what happens by a key. */
async function follower(freddy: Freddy) {
  const { app } = freddy.running
  const { id } = await freddy.person('operator')
  const wish = { userId: id, name: 'k', scopes: ['events:read'], expiresAt: null }
  const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
  const headers = { 'api-key': made?.key ?? '' }
  const page = async (query = '') => {
    const answer = await freddy.ask(`GET /v1/admin/events${query}`, { headers })
    assert.equal(answer.status, 200, answer.text)
    return answer.body as { data: Told[]; next: string; has_more: boolean }
  }
  let after = ''
  const listen = async () => {
    const { data, next } = await page(`?limit=100${after}`)
    after = `&after=${next}`
    return data
  }
  await listen()
  return { headers, page, listen }
}

const types = (told: readonly Told[]) => told.map(({ type }) => type)

const acting = (freddy: Freddy) => ({
  app: freddy.running.app,
  now: freddy.now(),
  origin,
  actor: 'shell',
})

scene('a life is told in its order, and each thing once', async (freddy) => {
  const { listen } = await follower(freddy)
  const body = { email: 'ada@example.com', password: PASSWORD, full_name: 'Ada' }
  const begun = await freddy.ask('POST /v1/auth/register', { body })
  assert.deepEqual(await listen(), [], 'nobody is anybody before the mailbox is proven')
  const code = Number(await freddy.codeFor('ada@example.com'))
  const { body: session } = await freddy.verify(begun.body.email_key, code)
  const user_id = session.user.id
  const [created, started, ...none] = await listen()
  assert.deepEqual(none, [])
  assert.equal(created?.type, 'user.created')
  assert.deepEqual(created?.data, { user_id, email: 'ada@example.com' })
  assert.equal(created?.timestamp, new Date(freddy.now()).toISOString())
  assert.equal(started?.type, 'session.started')
  const { session_id, expires_at } = started?.data ?? {}
  assert.deepEqual([session_id, started?.data.email], [session.device_id, undefined])
  assert.equal(Date.parse(String(expires_at)), freddy.now() + 30 * DAY)

  const { token } = session
  await freddy.ask('PATCH /v1/user/me', { token, body: { full_name: 'Ada King' } })
  freddy.pass(1)
  const key = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  const api_key_id = key.body.id
  for (const verb of ['pause', 'pause', 'resume', 'rotate']) {
    await freddy.ask(`POST /v1/api-keys/${api_key_id}/${verb}`, { token, body: {} })
  }
  await freddy.ask(`DELETE /v1/api-keys/${api_key_id}`, { token })
  await freddy.ask(`DELETE /v1/api-keys/${api_key_id}`, { token })
  const [updated, ...keys] = await listen()
  assert.deepEqual(updated?.data, { user_id, changed: ['full_name'] })
  assert.deepEqual(types(keys).sort(), [
    'api_key.created',
    'api_key.paused',
    'api_key.resumed',
    'api_key.revoked',
    'api_key.rotated',
  ])
  for (const { data } of keys) assert.equal(data.api_key_id, api_key_id)

  await freddy.ask('POST /v1/auth/logout', { token })
  await freddy.ask('POST /v1/auth/logout', { token })
  const ended = await listen()
  assert.deepEqual(
    ended.map(({ type, data }) => [type, data]),
    [['session.ended', { user_id, session_id, reason: 'signed_out' }]],
  )

  await disableUser(acting(freddy), user_id)
  await disableUser(acting(freddy), user_id)
  await appointUser(acting(freddy), user_id, 'admin')
  const acts = await listen()
  assert.deepEqual(types(acts).sort(), ['user.disabled', 'user.updated'])
  const appointed = acts.find(({ type }) => type === 'user.updated')
  assert.deepEqual(appointed?.data, { user_id, changed: ['role'], role: 'admin' })
})

scene('every way to end a session tells of it once', async (freddy) => {
  const { listen } = await follower(freddy)
  const ada = await freddy.person('ada')
  const ends: [reason: string, end: (token: string, session: string) => Promise<unknown>][] = [
    ['signed_out', (token) => freddy.ask('POST /v1/auth/logout', { token })],
    [
      'signed_out',
      (token, session) => freddy.ask(`DELETE /v1/auth/sessions/${session}`, { token }),
    ],
    ['ended_by_operator', () => signUserOut(acting(freddy), ada.id)],
    [
      'token_reuse',
      async (_, session) => {
        const event = allowed({ now: freddy.now(), origin }, 'session.ended')
        const end = () => freddy.running.app.store.sessions.end(session, 'token_reuse', event)
        await end()
        await assert.rejects(end())
        await signUserOut(acting(freddy), ada.id)
      },
    ],
    ['role_changed', () => appointUser(acting(freddy), ada.id, 'admin')],
  ]
  for (const [reason, end] of ends) {
    const { token, device_id } = await freddy.signIn(ada)
    await end(token, device_id)
    const told = await listen()
    const ended = told.filter(({ type }) => type === 'session.ended')
    assert.deepEqual(
      ended.map(({ data }) => [data.session_id, data.reason]),
      [[device_id, reason]],
    )
    freddy.pass(61_000)
  }
})

scene('what is told once is told once, however many do it at once', async (freddy) => {
  const { listen } = await follower(freddy)
  const ada = await keyOwner(freddy)
  const { body } = await ada.make()
  const { app } = freddy.running
  const sign = { now: freddy.now(), origin }
  const about = { userId: ada.id, subjectId: body.id }
  const twenty = (work: () => Promise<unknown>) =>
    Promise.all(Array.from({ length: 20 }, () => work()))
  await listen()
  await twenty(() =>
    app.store.apiKeys.pauseOwn(body.id, ada.id, allowed(sign, 'key.paused', about)),
  )
  await twenty(() => app.store.apiKeys.revoke(body.id, ada.id, allowed(sign, 'key.revoked', about)))
  await twenty(() => disableUser(acting(freddy), ada.id))
  assert.deepEqual(types(await listen()).sort(), [
    'api_key.paused',
    'api_key.revoked',
    'session.ended',
    'user.disabled',
  ])
})

scene('a limit that refuses is told once in its day', async (freddy) => {
  const { listen } = await follower(freddy)
  const ada = await keyOwner(freddy)
  const { body } = await ada.make({ limits: { tokens_per_day: 1 } })
  await listen()
  const call = () =>
    freddy.ask('POST /v1/responses', {
      headers: { 'api-key': body.key },
      body: { model: 'echo', input: 'words', max_output_tokens: 100 },
    })
  const first = await call()
  const refusals = first.status === 402 ? [first] : []
  for (let more = 0; more < 3; more++) refusals.push(await call())
  assert.equal(refusals.at(-1)?.status, 402, refusals.at(-1)?.text)
  const reached = (await listen()).filter(({ type }) => type === 'budget.reached')
  assert.equal(reached.length, 1)
  // Another server, or this one after a restart, sees it too.
  freddy.running.app.reached.clear()
  await call()
  assert.deepEqual(await listen(), [])
  const { api_key_id, level, limit, most } = reached[0]?.data ?? {}
  assert.deepEqual([api_key_id, level, limit, most], [body.id, 'key', 'tokens_per_day', 1])
  freddy.pass(DAY)
  await call()
  await call()
  await call()
  assert.equal((await listen()).filter(({ type }) => type === 'budget.reached').length, 1)
})

const happened = (freddy: Freddy, name: string): NewEvent => ({
  id: `evt_${Buffer.from(name).toString('hex').padEnd(32, '0')}`,
  happened_at: freddy.now(),
  step: 5,
  type: 'user.updated',
  user_id: null,
  subject_id: null,
  facts: null,
})

scene('an event whose transaction ends late is passed over by nobody', async (freddy) => {
  const { page } = await follower(freddy)
  const { events: store } = freddy.running.app.store
  const late = happened(freddy, 'late')
  await store.tell([happened(freddy, 'first')])
  const first = await page()
  freddy.pass(1000)
  await store.tell([happened(freddy, 'second')])
  const second = await page(`?after=${first.next}`)
  assert.equal(second.data.length, 1)
  // Begun before the second, and to be seen only now.
  await store.tell([late])
  const third = await page(`?after=${second.next}`)
  assert.deepEqual(
    third.data.map(({ id }) => id),
    [late.id],
  )
})

scene('servers that give places at once give each one, and leave no gap', async (freddy) => {
  const store = createStore(freddy.database).events
  const { events: other } = freddy.running.app.store
  const names = Array.from({ length: 60 }, (_, index) => `each${index}`)
  const placing = async (place: () => Promise<number>) => {
    for (let round = 0; round < 40; round++) await place()
  }
  await Promise.all([
    ...names.map((name) => other.tell([happened(freddy, name)])),
    placing(() => store.place(7, freddy.now())),
    placing(() => other.place(7, freddy.now())),
    placing(() => other.place(50, freddy.now())),
  ])
  await placing(() => store.place(50, freddy.now()))
  const rows = await store.list({ after: 0, type: null, userId: null, most: 100 })
  assert.equal(new Set(rows.map(({ id }) => id)).size, 60)
  assert.deepEqual(
    rows.map(({ position }) => position),
    names.map((_, index) => index + 1),
  )
})

scene('a page goes on where the one before ended, by type and by person', async (freddy) => {
  const { page, headers } = await follower(freddy)
  const [ada, bob] = [await keyOwner(freddy), await keyOwner(freddy, 'bob')]
  for (let key = 0; key < 3; key++) await ada.make()
  await bob.make()
  const query = `?limit=2&type=api_key.created&user_id=${ada.id}`
  const one = await page(query)
  assert.deepEqual([one.data.length, one.has_more], [2, true])
  const two = await page(`${query}&after=${one.next}`)
  assert.deepEqual([two.data.length, two.has_more], [1, false])
  // What does not fit is not looked through again.
  const three = await page(`${query}&after=${two.next}`)
  assert.deepEqual([three.data, three.next], [[], two.next])
  assert.equal(two.next, (await page('?limit=100')).next)
  for (const query of ['?after=1000000', '?after=-1', '?type=user.born', '?limit=101']) {
    const answer = await freddy.ask(`GET /v1/admin/events${query}`, { headers })
    assert.equal(answer.status, query === '?after=1000000' ? 404 : 422, query)
  }
})

scene(
  'events go after EVENT_DAYS, and who was away for longer hears that',
  async (freddy) => {
    const { page, headers } = await follower(freddy)
    const ada = await keyOwner(freddy)
    await ada.make()
    const before = await page('?limit=1')
    freddy.pass(7 * DAY + 1)
    const { app } = freddy.running
    await app.store.sweep.expired(freddy.now(), app.config)
    const late = await freddy.ask(`GET /v1/admin/events?after=${before.next}`, { headers })
    assert.equal(late.status, 404)
    assert.match(late.body.error.details.reason, /kept no longer/)
    const anew = await page()
    assert.deepEqual(anew.data, [])
    await keyOwner(freddy, 'bob')
    const later = await page(`?after=${anew.next}`)
    assert.deepEqual(types(later.data), ['session.started'])
  },
  { env: { EVENT_DAYS: '7' } },
)

scene('of somebody who was deleted no event tells more than the id', async (freddy) => {
  const { page } = await follower(freddy)
  const about = { userId: `usr_${'a'.repeat(32)}`, facts: { email: 'ada@example.com' } }
  const ada = await keyOwner(freddy)
  const { app } = freddy.running
  const event = allowed({ now: freddy.now(), origin }, 'user.created', { ...about, userId: ada.id })
  await app.store.audit.record(event)
  assert.match(JSON.stringify((await page('?limit=100')).data), /ada@example/)
  await deleteUser(acting(freddy), ada.id)
  assert.doesNotMatch(JSON.stringify((await page('?limit=100')).data), /ada@example/)
  // A request that was under way tells of them once more.
  await app.store.audit.record({
    ...event,
    id: 'evt_late',
    tells: event.tells?.map((each) => ({ ...each, id: 'evt_late' })) ?? [],
  })
  await app.store.sweep.expired(freddy.now(), app.config)
  const { data } = await page('?limit=100')
  assert.doesNotMatch(JSON.stringify(data), /ada@example/)
  const gone = data.find(({ type }) => type === 'user.deleted')
  assert.deepEqual(gone?.data, { user_id: ada.id, actor: 'shell' })
})

scene('events are for admins, and for keys that the operator made for it', async (freddy) => {
  const { headers } = await follower(freddy)
  const ada = await keyOwner(freddy)
  const { body } = await ada.make()
  const ask = (how: object) => freddy.ask('GET /v1/admin/events', how)
  assert.equal((await ask({})).status, 401)
  assert.equal((await ask({ token: ada.token })).status, 403)
  assert.equal((await ask({ headers: { 'api-key': body.key } })).status, 403)
  assert.equal((await ask({ headers })).status, 200)
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: ada.id })
  assert.equal((await ask({ token: ada.token })).status, 200)
  const asked = await ada.make({ scopes: ['events:read'] })
  assert.equal(asked.status, 422, 'an admin gives it to a key in the shell alone')
})

scene('an event is told by something, and says nothing that is not listed', async () => {
  const told = new Set(Object.values(tellings).flat())
  const elsewhere = ['session.ended', 'api_key.revoked', 'budget.reached', 'webhook.test']
  assert.deepEqual([...told, ...elsewhere].sort(), Object.keys(events).sort())
  const facts = { email: 'ada@example.com', kind: 'totp', secret: 'hidden' }
  const { tells } = allowed({ now: 0, origin }, 'factor.added', { userId: 'usr_1', facts })
  assert.equal(tells?.[0]?.facts, '{"kind":"totp"}')
})
