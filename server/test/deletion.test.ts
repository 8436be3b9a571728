import assert from 'node:assert/strict'
import { allowed, refused } from '../src/auth/audit.ts'
import { findBrokenSeal, sealEvents } from '../src/auth/audit-chain.ts'
import { appointUser } from '../src/auth/roster.ts'
import { knownTables } from '../src/store/migrate.ts'
import { openWindow } from './browser-window.ts'
import { type Freddy, HOUR, MINUTE, PASSWORD, scene, wrongCode } from './freddy.ts'
import { linkFor } from './mailed-links.ts'
import { shellBeside } from './shell.ts'

const OLD = 'ada.before@old.example'
const EMAIL = 'ada.lovelace@example.com'
const AGENT = 'AdaBrowser/1815 (Analytical Engine)'
const PLACE = '198.51.100.77'
const from = { from: PLACE, headers: { 'user-agent': AGENT } }
/** What names Ada, wherever it may stand. */
const names = [
  OLD,
  EMAIL,
  'ada.lovelace',
  'Ada King',
  'countess',
  'AdaBrowser',
  PLACE,
  "Ada's laptop",
]

const leave = (freddy: Freddy, token: string, current_password = PASSWORD) =>
  freddy.ask('DELETE /v1/user/me', { token, body: { current_password }, ...from })

/** Every value of every column of every table in which one of these words stands. */
async function traces(freddy: Freddy, words: readonly string[]): Promise<string[]> {
  const found = []
  for (const table of knownTables()) {
    for (const row of await freddy.database.read(`SELECT * FROM ${table}`)) {
      for (const [column, value] of Object.entries(row)) {
        const text = String(value).toLowerCase()
        const word = words.find((name) => text.includes(name.toLowerCase()))
        if (word) found.push(`${table}.${column}: ${word}`)
      }
    }
  }
  return [...new Set(found)]
}

/** A life that leaves something in as many tables as there are doors. */
async function live(freddy: Freddy): Promise<{ id: string; token: string }> {
  const register = { email: OLD, password: PASSWORD, full_name: 'Ada King', user_name: 'countess' }
  const begun = await freddy.ask('POST /v1/auth/register', { body: register, ...from })
  const code = await freddy.codeFor(OLD)
  const key = begun.body.email_key
  await freddy.verify(key, wrongCode(code), from)
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/resend-email', { body: { email_key: key }, ...from })
  const laptop = { device_information: { device: "Ada's laptop" } }
  const { body } = await freddy.ask('POST /v1/auth/verify', {
    body: { email_key: key, verification_code: Number(code), ...laptop },
    ...from,
  })
  const { token } = body
  const ask = (line: string, more: object) => freddy.ask(line, { token, body: more, ...from })
  await ask('POST /v1/user/factors/totp', {})
  await ask('POST /v1/user/factors/recovery-codes', {})
  freddy.pass(MINUTE)
  const moved = await ask('POST /v1/user/email', { new_email: EMAIL, current_password: PASSWORD })
  await ask('POST /v1/user/email/verify', {
    email_key: moved.body.email_key,
    verification_code: Number(await freddy.codeFor(EMAIL)),
  })
  await letIn(freddy, body.refreshToken)
  const made = await ask('POST /v1/api-keys', { name: 'Ada King builds' })
  const question = { body: { model: 'echo-1', input: 'hello' } }
  await freddy.ask('POST /v1/responses', { headers: { 'api-key': made.body.key }, ...question })
  freddy.pass(MINUTE)
  await freddy.login({ as: EMAIL, password: 'wrong' }, from)
  await freddy.login({ as: 'countess' }, from)
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/password/reset', { body: { email: EMAIL }, ...from })
  const again = { email: EMAIL, password: PASSWORD, full_name: 'Ada King' }
  await freddy.ask('POST /v1/auth/register', { body: again, ...from })
  await freddy.ask('POST /v1/auth/refresh', { body: { refresh_token: body.refreshToken }, ...from })
  return { id: body.user.id, token }
}

/** A device of hers asks, and she lets it in. */
async function letIn(freddy: Freddy, refreshToken: string): Promise<void> {
  const television = { device_information: { device: "Ada King's television" } }
  const { body } = await freddy.ask('POST /v1/auth/device', { body: television, ...from })
  const window = openWindow(freddy)
  window.cookies.set('__Host-freddy-session', refreshToken)
  const fields = { user_code: body.user_code, answer: 'allow' }
  const allowed = await window.post('/device/answer', fields, from.headers)
  assert.equal(allowed.status, 200, allowed.text)
}

/** So many calls of a person, and as many events. */
async function spend(freddy: Freddy, id: string, count: number): Promise<void> {
  const numbers =
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)'
  const params = { count, user: id, now: freddy.now() }
  await freddy.database.write(
    `${numbers} INSERT INTO usage_entries (id, request_id, user_id, model, happened_at, input_tokens,
       output_tokens, money, outcome)
     SELECT 'use_' || i, 'req_' || i, CAST(:user AS TEXT), 'echo-1', CAST(:now AS BIGINT), 1, 1, 0, 'settled' FROM n`,
    params,
  )
  await freddy.database.write(
    `${numbers} INSERT INTO audit_events (id, happened_at, event, outcome, user_id, source)
     SELECT 'evt_' || i, CAST(:now AS BIGINT), 'test.event', 'allowed', CAST(:user AS TEXT), '${PLACE}' FROM n`,
    params,
  )
}

async function chain(freddy: Freddy): Promise<number | null> {
  const { audit } = freddy.running.app.store
  while ((await sealEvents(audit)) > 0);
  return findBrokenSeal(audit)
}

scene('who goes leaves nothing that names them, and the trail is whole', async (freddy) => {
  const bob = await freddy.person('bob')
  const { token: other } = await freddy.signIn(bob)
  const { id, token } = await live(freddy)
  assert.equal(await chain(freddy), null)
  const before = await traces(freddy, names)
  for (const table of [
    'users',
    'challenges',
    'sessions',
    'api_keys',
    'registrations',
    'audit_events',
  ])
    assert.ok(
      before.some((trace) => trace.startsWith(`${table}.`)),
      table,
    )
  assert.ok(before.some((trace) => trace.startsWith('held_addresses.')))

  const gone = await leave(freddy, token)
  assert.equal(gone.status, 200, gone.text)
  assert.deepEqual(gone.body, { id, object: 'user', deleted: true })
  assert.deepEqual(await traces(freddy, names), [])
  await freddy.running.outbox.drain()
  await freddy.running.app.usage.flush()
  assert.deepEqual(await traces(freddy, names), [])
  assert.equal(await chain(freddy), null)
  const { position } = (await freddy.running.app.store.audit.findLastSealed()) ?? {}
  assert.ok((position ?? 0) > 15, `${position}`)

  const last = freddy.mail.mails.at(-1)
  assert.deepEqual([last?.envelope.to, last?.subject], [[EMAIL], 'Your Freddy account is deleted'])
  assert.equal((await freddy.ask('GET /v1/user/me', { token })).status, 401)
  assert.equal((await freddy.ask('GET /v1/user/me', { token: other })).status, 200)
  assert.equal((await freddy.login({ as: 'countess' })).status, 401)
})

scene('who went may come again, as somebody new', async (freddy) => {
  const { id, token } = await live(freddy)
  assert.equal((await leave(freddy, token)).status, 200)
  freddy.pass(HOUR)
  for (const email of [EMAIL, OLD]) {
    const register = {
      email,
      password: PASSWORD,
      ...(email === EMAIL ? { user_name: 'countess' } : {}),
    }
    const begun = await freddy.ask('POST /v1/auth/register', { body: register })
    assert.equal(begun.status, 201, begun.text)
    const { body } = await freddy.verify(begun.body.email_key, await freddy.codeFor(email))
    assert.notEqual(body.user.id, id)
    const me = await freddy.ask('GET /v1/user/me', { token: body.token })
    assert.deepEqual([me.body.email, me.body.full_name], [email, null])
  }
  assert.equal(await chain(freddy), null)
})

scene(
  'attack 006: a wrong password deletes nobody, and spends what a login would',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    assert.equal((await freddy.ask('DELETE /v1/user/me', { token, body: {} })).status, 422)
    for (let count = 0; count < 5; count++)
      assert.equal((await leave(freddy, token, 'wrong')).body.error.code, 'INVALID_CREDENTIALS')
    assert.equal((await leave(freddy, token)).status, 429)
    assert.equal((await freddy.login(ada, from)).status, 429)
    assert.ok(await freddy.running.app.store.users.find(ada.id))
  },
)

scene(
  'of many who delete one account at once, one does, and one farewell is mailed',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const answers = await Promise.all(Array.from({ length: 4 }, () => leave(freddy, token)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    // One that waited too long for its password to be hashed is sent away.
    for (const { status } of answers) assert.ok([200, 401, 503].includes(status), `${status}`)
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.filter(({ subject }) => subject.includes('deleted')).length, 1)
  },
)

scene('the last admin cannot go, another one can', async (freddy) => {
  const { app } = freddy.running
  const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
  const [one, two] = [await freddy.person('one'), await freddy.person('two')]
  const appoint = (id: string) =>
    appointUser({ app, origin, now: freddy.now(), actor: 'shell' }, id, 'admin')
  await appoint(one.id)
  freddy.pass(1000)
  const { token } = await freddy.signIn(one)
  await spend(freddy, one.id, 3)
  const refused = await leave(freddy, token)
  assert.equal(refused.status, 403)
  assert.equal((await freddy.database.read('SELECT id FROM usage_entries')).length, 3)
  assert.equal(refused.body.error.code, 'OPERATION_NOT_ALLOWED')
  await appoint(two.id)
  assert.equal((await leave(freddy, token)).status, 200)
})

scene('an admin and the shell delete as thoroughly, and the trail says who', async (freddy) => {
  const root = await freddy.person('root')
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: root.id })
  const { token } = await freddy.signIn(root)
  const first = await live(freddy)
  const door = `DELETE /v1/admin/users/${first.id}`
  assert.equal((await freddy.ask(door, { token, from: '203.0.113.9' })).status, 200)
  assert.deepEqual(await traces(freddy, names), [])
  assert.equal(await chain(freddy), null)
  const [event] = await freddy.database.read(
    "SELECT actor, source FROM audit_events WHERE event = 'user.deleted'",
  )
  assert.deepEqual({ ...event }, { actor: root.id, source: '203.0.113.9' })

  freddy.pass(2 * HOUR)
  await live(freddy)
  assert.equal(shellBeside(freddy, ['users', 'delete', EMAIL]).status, 0)
  assert.deepEqual(await traces(freddy, names), [])
  assert.equal(await chain(freddy), null)
})

scene('nobody passes an event off as one that was erased', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.signIn(ada, from)
  assert.equal(await chain(freddy), null)
  await freddy.database.write(
    "UPDATE audit_events SET source = NULL, agent = NULL, salt = NULL WHERE event = 'login.verified'",
  )
  assert.notEqual(await chain(freddy), null)
})

scene('a trail that was sealed before stays provable when somebody of it goes', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { audit } = freddy.running.app.store
  const { token } = await freddy.signIn(ada, from)
  await freddy.signIn(bob, from)
  const call = {
    now: freddy.now(),
    origin: { address: '', source: PLACE, network: null, agent: '' },
  }
  await audit.record(refused(call, 'login.refused', { userId: ada.id }))
  // As a server of the time before the digests left them.
  await freddy.database.write('UPDATE audit_events SET salt = NULL, digest = NULL')
  assert.equal(await chain(freddy), null)
  await audit.record(allowed(call, 'test.event', { userId: bob.id }))
  assert.equal(await chain(freddy), null)
  const kinds = await freddy.database.read('SELECT DISTINCT sealed_as FROM audit_events')
  assert.equal(kinds.length, 2)

  assert.equal((await leave(freddy, token)).status, 200)
  assert.equal(await chain(freddy), null)
  const mine = await freddy.database.read(
    'SELECT source FROM audit_events WHERE user_id = :id AND source IS NOT NULL',
    { id: ada.id },
  )
  assert.deepEqual(mine, [])
  await freddy.database.write(
    'UPDATE audit_events SET source = NULL, agent = NULL WHERE user_id = :id AND sealed_as IS NULL',
    { id: bob.id },
  )
  assert.notEqual(await chain(freddy), null)
})

scene(
  'what a request under way told of somebody who went goes with the next sweep',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada, from)
    assert.equal((await leave(freddy, token)).status, 200)
    const { app } = freddy.running
    const late = { address: '', source: PLACE, network: null, agent: AGENT }
    const about = { userId: ada.id }
    await app.store.audit.record(
      refused({ now: freddy.now(), origin: late }, 'login.refused', about),
    )
    await app.store.sweep.expired(freddy.now(), app.config)
    assert.deepEqual(await traces(freddy, [PLACE, AGENT]), [])
    assert.equal(await chain(freddy), null)
  },
)

scene('a call of somebody who went is booked for nobody, and holds up no other', async (freddy) => {
  const { app } = freddy.running
  const [ada, bob] = [await freddy.person('ada'), await freddy.person('bob')]
  const keyOf = async (token: string) =>
    (await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })).body.key
  const ask = (key: string) =>
    freddy.ask('POST /v1/responses', {
      headers: { 'api-key': key },
      body: { model: 'echo-1', input: 'hello' },
    })
  const { token } = await freddy.signIn(ada)
  const keys = [await keyOf(token), await keyOf((await freddy.signIn(bob)).token)]
  await app.usage.flush()
  for (const key of keys) assert.equal((await ask(key)).status, 200)
  assert.equal((await leave(freddy, token)).status, 200)
  await app.usage.flush()
  const rows = await freddy.database.read('SELECT user_id FROM usage_entries')
  assert.deepEqual(
    rows.map(({ user_id }) => user_id),
    [bob.id],
  )
})

scene('a way back from a move ends with the account', async (freddy) => {
  const { token } = await live(freddy)
  const path = await linkFor(freddy, OLD, 'undo-email')
  assert.equal((await leave(freddy, token)).status, 200)
  assert.equal((await freddy.ask(`GET ${path}`)).status, 410)
})

scene(
  'attack 068, 069: a password that nobody can have opens none of these doors',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const doors = {
      'DELETE /v1/user/me': {},
      'POST /v1/user/email': { new_email: 'n@example.com' },
    }
    for (const [line, more] of Object.entries(doors)) {
      const send = (current_password: unknown) =>
        freddy.ask(line, { token, body: { ...more, current_password } })
      for (const odd of ['x'.repeat(257), '', null, 1, [PASSWORD]])
        assert.equal((await send(odd)).status, 422, `${line} ${JSON.stringify(odd)}`)
      assert.equal((await send(`${PASSWORD}\0`)).status, 401, line)
      assert.equal((await send(`${PASSWORD}\ud800`)).status, 401, line)
    }
    assert.ok(await freddy.running.app.store.users.find(ada.id))
  },
)

scene('who called and did much goes as wholly as others', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await spend(freddy, ada.id, 4500)
  assert.equal((await leave(freddy, token)).status, 200)
  assert.deepEqual(await freddy.database.read('SELECT id FROM usage_entries'), [])
  assert.deepEqual(await traces(freddy, [PLACE]), [])
  assert.equal(await chain(freddy), null)
})
