import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowed } from '../src/auth/audit.ts'
import { appointUser, disableUser, enableUser } from '../src/auth/roster.ts'
import { insert } from '../src/store/sql.ts'
import { parseSourceRange } from '../src/wire/source-range.ts'
import { type Answer, type Freddy, MINUTE, type Person, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const PANIC = 'POST /v1/admin/panic'
const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

const acting = ({ running, now }: Freddy) => ({
  app: running.app,
  origin,
  now: now(),
  actor: 'shell',
})

/** Somebody signed in, with a key and a code that waits. */
interface Way {
  readonly who: Person
  readonly token: string
  readonly refresh: string
  readonly session: string
  readonly key: string
  readonly keyId: string
}

async function admin(freddy: Freddy, name = 'root'): Promise<Person & { token: string }> {
  const person = await freddy.person(name)
  await appointUser(acting(freddy), person.id, 'admin')
  freddy.pass(1000)
  return { ...person, token: (await freddy.signIn(person, { from: '198.51.100.7' })).token }
}

async function enter(freddy: Freddy, who: Person, from: string): Promise<Way> {
  const { token, refreshToken, device_id } = await freddy.signIn(who, { from })
  const made = await freddy.ask('POST /v1/api-keys', { token, from, body: { name: 'ci' } })
  assert.equal(made.status, 201, made.text)
  const { key, id } = made.body
  return { who, token, refresh: refreshToken, session: device_id, key, keyId: id }
}

const come = async (freddy: Freddy, name: string, from = '203.0.113.5') =>
  enter(freddy, await freddy.person(name), from)

const isIn = async (freddy: Freddy, { token }: { token: string }) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status === 200

const opens = async (freddy: Freddy, { key }: Way) =>
  (await freddy.ask('GET /v1/models', { headers: { 'api-key': key } })).status === 200

const ask = (freddy: Freddy, token: string, body: object) => freddy.ask(PANIC, { token, body })

async function doIt(freddy: Freddy, token: string, target: object): Promise<Answer['body']> {
  const plan = await ask(freddy, token, target)
  assert.equal(plan.status, 200, plan.text)
  const done = await ask(freddy, token, { ...target, confirm: plan.body.confirm })
  assert.equal(done.status, 200, done.text)
  return done.body
}

const undo = (freddy: Freddy, token: string, id: string) =>
  freddy.ask(`POST /v1/admin/panic/${id}/undo`, { token })

scene(
  'attack 025: a panic is for an admin, in a session that was not opened by a code on paper',
  async (freddy) => {
    const ada = await come(freddy, 'ada')
    const root = await admin(freddy)
    const undoing = `POST /v1/admin/panic/pan_${'0'.repeat(32)}/undo`
    for (const [line, body] of [
      [PANIC, { user: 'root' }],
      [undoing, undefined],
    ] as const) {
      assert.equal((await freddy.ask(line, { body })).status, 401)
      assert.equal((await freddy.ask(line, { body, token: ada.token })).status, 403)
      assert.equal((await freddy.ask(line, { body, headers: { 'api-key': ada.key } })).status, 403)
    }
    assert.equal((await undo(freddy, root.token, `pan_${'0'.repeat(32)}`)).status, 404)
    const weak = "UPDATE sessions SET amr = 'pwd recovery' WHERE user_id = :id"
    await freddy.database.write(weak, { id: root.id })
    freddy.pass(2000)
    const refused = await ask(freddy, root.token, { user: 'ada' })
    assert.equal(refused.body.error.details.reason, 'recovery_session')
  },
)

scene(
  'attack 084: a panic says what it would end, ends that, and leaves everybody else alone',
  async (freddy) => {
    const root = await admin(freddy)
    const bob = await come(freddy, 'bob')
    const ada = await come(freddy, 'ada')
    freddy.pass(MINUTE)
    const second = await freddy.signIn(ada.who)
    freddy.pass(MINUTE)
    const challenge = (await freddy.login(ada.who)).body.email_key
    const code = Number(await freddy.codeFor(ada.who.email))

    const plan = await ask(freddy, root.token, { user: 'ada@example.com' })
    assert.equal(plan.status, 200, plan.text)
    const { ends, sessions, api_keys, people, your_session } = plan.body
    assert.deepEqual(ends, { sessions: 2, api_keys: 1, people: 1, challenges: 1 })
    assert.deepEqual(
      sessions.map(({ device_id }: { device_id: string }) => device_id),
      [second.device_id, ada.session],
    )
    assert.deepEqual([api_keys[0].name, api_keys[0].email], ['ci', 'ada@example.com'])
    assert.deepEqual(people, [{ id: ada.who.id, email: 'ada@example.com' }])
    assert.equal(your_session, 'kept')
    assert.ok((await isIn(freddy, ada)) && (await opens(freddy, ada)), 'nothing has ended')

    const body = { user: ada.who.id, confirm: plan.body.confirm }
    const done = await ask(freddy, root.token, body)
    assert.equal(done.status, 200, done.text)
    assert.deepEqual([done.body.state, done.body.ends], ['done', { sessions: 2, api_keys: 1 }])
    for (const { token } of [ada, second]) {
      const refused = await freddy.ask('GET /v1/auth/validate', { token })
      assert.deepEqual([refused.status, refused.body.error.details.reason], [401, 'panic'])
    }
    const renewed = await freddy.ask('POST /v1/auth/refresh', {
      body: { refresh_token: ada.refresh },
    })
    assert.equal(renewed.status, 401)
    const paused = await freddy.ask('GET /v1/models', { headers: { 'api-key': ada.key } })
    assert.equal(paused.body.error.code, 'API_KEY_PAUSED')
    assert.equal((await freddy.verify(challenge, code)).status, 401)
    assert.ok((await isIn(freddy, root)) && (await isIn(freddy, bob)) && (await opens(freddy, bob)))

    // It goes with its person, and stands in their export.
    const waiting = await freddy.database.read("SELECT user_id FROM outbox WHERE letter = 'panic'")
    assert.deepEqual(
      waiting.map((row) => ({ ...row })),
      [{ user_id: ada.who.id }],
    )
    await freddy.running.outbox.drain()
    const told = freddy.mail.mails.filter(({ raw }) =>
      raw.includes('You were signed out of Freddy'),
    )
    assert.deepEqual(
      told.map(({ envelope }) => envelope.to),
      [['ada@example.com']],
    )
    const events = await freddy.database.read(
      "SELECT event, actor, user_id FROM audit_events WHERE event LIKE 'panic.%' ORDER BY happened_at, event",
    )
    assert.deepEqual(
      events.map((row) => ({ ...row })),
      [
        { event: 'panic.confirmed', actor: root.id, user_id: null },
        { event: 'panic.ended', actor: root.id, user_id: ada.who.id },
        { event: 'panic.planned', actor: root.id, user_id: null },
      ],
    )
  },
)

scene(
  'a panic about a network ends what began there, was last seen there, or was made there',
  async (freddy) => {
    const root = await admin(freddy)
    const inside = await come(freddy, 'ada', '203.0.113.77')
    const outside = await come(freddy, 'bob', '192.0.2.77')
    const moved = await come(freddy, 'cleo', '192.0.2.78')
    const far = await come(freddy, 'dora', '2001:db8:1:2::3')
    await freddy.ask('POST /v1/auth/refresh', {
      body: { refresh_token: moved.refresh },
      from: '203.0.113.99',
    })
    const plan = await ask(freddy, root.token, { network: '203.0.113.50/24' })
    assert.equal(plan.body.target, 'network 203.0.113.0/24')
    assert.deepEqual(plan.body.ends, { sessions: 2, api_keys: 1, people: 2, challenges: 0 })
    await doIt(freddy, root.token, { network: '203.0.113.0/24' })
    const states = async () => {
      const ways = [inside, outside, moved, far]
      const sessions = await Promise.all(ways.map((way) => isIn(freddy, way)))
      const keys = await Promise.all(ways.map((way) => opens(freddy, way)))
      return [...sessions, ...keys]
    }
    assert.deepEqual(await states(), [false, true, false, true, false, true, true, true])
    await doIt(freddy, root.token, { network: '2001:db8:1::/48' })
    assert.deepEqual(await states(), [false, true, false, false, false, true, true, false])
    // The admin is in this one, and goes on.
    const own = await ask(freddy, root.token, { network: '198.51.100.0/24' })
    assert.deepEqual([own.body.ends.sessions, own.body.your_session], [0, 'kept'])
    const nowhere = await ask(freddy, root.token, { network: '10.0.0.0/8' })
    assert.deepEqual(nowhere.body.ends, { sessions: 0, api_keys: 0, people: 0, challenges: 0 })
  },
)

scene('a panic about a network ends the keys that a key made there', async (freddy) => {
  const root = await admin(freddy)
  const ada = await come(freddy, 'ada', '192.0.2.77')
  const scopes = ['models', 'keys:derive']
  const wish = { token: ada.token, from: '192.0.2.77', body: { name: 'ci', scopes } }
  const parent = (await freddy.ask('POST /v1/api-keys', wish)).body
  const derive = async (from: string) => {
    const more = { headers: { 'api-key': parent.key }, from, body: { name: 'job' } }
    const made = await freddy.ask('POST /v1/api-keys/children', more)
    assert.equal(made.status, 201, made.text)
    return String(made.body.key)
  }
  const keys = [await derive('203.0.113.9'), await derive('192.0.2.9'), String(parent.key)]
  const done = await doIt(freddy, root.token, { network: '203.0.113.0/24' })
  assert.deepEqual(done.ends, { sessions: 0, api_keys: 1 })
  const answers = keys.map((key) => freddy.ask('GET /v1/models', { headers: { 'api-key': key } }))
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  assert.deepEqual(statuses, [401, 200, 200])
})

scene(
  'a panic since a moment ends what began from then on, but for the session that asks',
  async (freddy) => {
    const before = await come(freddy, 'ada')
    freddy.pass(MINUTE)
    const since = new Date(freddy.now()).toISOString()
    const after = await come(freddy, 'bob')
    const root = await admin(freddy)
    const done = await doIt(freddy, root.token, { since })
    assert.deepEqual(done.ends, { sessions: 1, api_keys: 1 })
    assert.deepEqual(
      [await isIn(freddy, before), await isIn(freddy, after), await isIn(freddy, root)],
      [true, false, true],
    )
    assert.deepEqual([await opens(freddy, before), await opens(freddy, after)], [true, false])
  },
)

scene(
  'the session that asks ends when its own person is meant, and the plan says so',
  async (freddy) => {
    const root = await admin(freddy)
    const plan = await ask(freddy, root.token, { user: 'root' })
    assert.deepEqual([plan.body.your_session, plan.body.ends.sessions], ['ends', 1])
    await ask(freddy, root.token, { user: 'root', confirm: plan.body.confirm })
    assert.equal(await isIn(freddy, root), false)
  },
)

scene('attack 084: of many who confirm one plan at once, one does', async (freddy) => {
  const root = await admin(freddy)
  await come(freddy, 'ada')
  const { body } = await ask(freddy, root.token, { user: 'ada' })
  const again = { user: 'ada', confirm: body.confirm }
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(freddy, root.token, again)))
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [200, ...Array.from({ length: 7 }, () => 403)])
  const count = async (sql: string) => (await freddy.database.read(sql)).length
  assert.equal(await count("SELECT id FROM audit_events WHERE event = 'panic.confirmed'"), 1)
  assert.equal(await count("SELECT id FROM outbox WHERE letter = 'panic'"), 1)
})

scene(
  'a plan is good for five minutes, for its target, and for whoever made it',
  async (freddy) => {
    const root = await admin(freddy)
    const other = await admin(freddy, 'other')
    const ada = await come(freddy, 'ada')
    const { body } = await ask(freddy, root.token, { user: 'ada' })
    const { confirm } = body
    const refused = [
      await ask(freddy, root.token, { user: 'other', confirm }),
      await ask(freddy, other.token, { user: 'ada', confirm }),
      await ask(freddy, root.token, { user: 'ada', confirm: 'A'.repeat(22) }),
    ]
    freddy.pass(5 * MINUTE)
    refused.push(await ask(freddy, root.token, { user: 'ada', confirm }))
    for (const { status, body: told } of refused) {
      assert.deepEqual([status, told.error.code], [403, 'OPERATION_NOT_ALLOWED'])
    }
    assert.match(String(refused.at(-1)?.body.error.details.reason), /is over, .* ask for another/)
    assert.equal(await isIn(freddy, ada), true)
    const odd = [{}, { user: 'ada', since: '2026-01-01T00:00:00Z' }, { network: '0.0.0.0/0' }]
    for (const wanted of [...odd, { network: 'here' }, { since: '2030-01-01T00:00:00Z' }]) {
      assert.equal((await ask(freddy, root.token, wanted)).status, 422, JSON.stringify(wanted))
    }
    assert.equal((await ask(freddy, root.token, { user: 'nobody' })).status, 404)
  },
)

scene(
  'undone, a panic gives back its sessions and keys, once; codes stay ended',
  async (freddy) => {
    const root = await admin(freddy)
    const ada = await come(freddy, 'ada')
    freddy.pass(MINUTE)
    const challenge = (await freddy.login(ada.who)).body.email_key
    const code = Number(await freddy.codeFor(ada.who.email))
    const { id, undo_until } = await doIt(freddy, root.token, { user: 'ada' })
    assert.equal(Date.parse(undo_until), freddy.now() + 10 * MINUTE)
    freddy.pass(10 * MINUTE - 1)
    const answers = await Promise.all([1, 2, 3].map(() => undo(freddy, root.token, id)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403, 403])
    const [done] = answers.filter(({ status }) => status === 200)
    assert.deepEqual(done?.body.restored, { sessions: 1, api_keys: 1 })
    assert.deepEqual([await isIn(freddy, ada), await opens(freddy, ada)], [true, true])
    const body = { refresh_token: ada.refresh }
    assert.equal((await freddy.ask('POST /v1/auth/refresh', { body })).status, 200)
    assert.equal((await freddy.verify(challenge, code)).status, 401)
  },
)

scene('after ten minutes a panic is not undone any more', async (freddy) => {
  const root = await admin(freddy)
  const ada = await come(freddy, 'ada')
  const { id } = await doIt(freddy, root.token, { user: 'ada' })
  freddy.pass(10 * MINUTE)
  const late = await undo(freddy, root.token, id)
  assert.deepEqual([late.status, late.body.error.code], [403, 'OPERATION_NOT_ALLOWED'])
  assert.deepEqual([await isIn(freddy, ada), await opens(freddy, ada)], [false, false])
})

scene(
  'attack 086: undoing a panic gives back nothing that was ended before or since',
  async (freddy) => {
    const root = await admin(freddy)
    const reset = await come(freddy, 'ada')
    const revoked = await come(freddy, 'bob')
    const disabled = await come(freddy, 'cleo')
    const before = await come(freddy, 'dora')
    const paused = await come(freddy, 'emil')
    const { app } = freddy.running
    const about = { userId: revoked.who.id }
    const event = () => allowed(acting(freddy), 'session.ended', about)
    await freddy.ask('POST /v1/auth/logout', { token: before.token })
    freddy.pass(1000)
    const since = new Date(freddy.now() - 30 * MINUTE).toISOString()
    const { id, ends } = await doIt(freddy, root.token, { since })
    assert.deepEqual(ends, { sessions: 4, api_keys: 5 })

    freddy.pass(1000)
    const asked = await freddy.ask('POST /v1/auth/password/reset', {
      body: { email: reset.who.email },
    })
    const code = Number(await freddy.codeFor(reset.who.email))
    const chosen = {
      email_key: asked.body.email_key,
      verification_code: code,
      new_password: 'a quite different one',
    }
    assert.equal(
      (await freddy.ask('POST /v1/auth/password/reset/verify', { body: chosen })).status,
      200,
    )
    await app.store.apiKeys.revoke(revoked.keyId, revoked.who.id, event())
    const own = [revoked.session, revoked.who.id] as const
    await app.store.sessions.endOwn(...own, 'signed_out_elsewhere', event())
    assert.equal(await app.store.apiKeys.pause(paused.keyId, paused.who.id, event()), true)
    await disableUser(acting(freddy), disabled.who.id)
    await enableUser(acting(freddy), disabled.who.id)

    freddy.pass(1000)
    const undone = await undo(freddy, root.token, id)
    assert.deepEqual(undone.body.restored, { sessions: 1, api_keys: 2 })
    const ways = [reset, revoked, disabled, before, paused]
    assert.deepEqual(await Promise.all(ways.map((way) => isIn(freddy, way))), [
      false,
      false,
      false,
      false,
      true,
    ])
    // A reset revokes keys; a disabled account's keys come back with it, as ever.
    assert.deepEqual(await Promise.all(ways.map((way) => opens(freddy, way))), [
      false,
      false,
      true,
      true,
      false,
    ])
  },
)

scene(
  'a panic writes to five hundred people at most, and ends and gives back what all have',
  async (freddy) => {
    const root = await admin(freddy)
    const ada = await come(freddy, 'ada')
    const [user] = await freddy.database.read('SELECT * FROM users WHERE id = :id', {
      id: ada.who.id,
    })
    const [session] = await freddy.database.read('SELECT * FROM sessions WHERE id = :id', {
      id: ada.session,
    })
    const copies = Array.from({ length: 500 }, (_, index) => {
      const id = `usr_${String(index).padStart(32, '0')}`
      const person = { ...user, id, address: `p${index}@example.com`, user_name: `p${index}` }
      return [
        insert('users', person),
        insert('sessions', { ...session, id: `ses_${index}`, user_id: id }),
      ]
    })
    // What a planner knows of a table is of before.
    for (const table of ['sessions', 'users', 'api_keys']) {
      await freddy.database.write(`ANALYZE ${table}`)
    }
    await freddy.database.batch(copies.flat())
    await freddy.database.write(
      `WITH RECURSIVE more (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM more WHERE number < 5000)
     INSERT INTO sessions (id, user_id, source, agent, created_at, last_seen_at, expires_at, refresh_hash,
       refresh_issued_at)
     SELECT 'ses_more' || number, user_id, source, agent, created_at, last_seen_at, expires_at, refresh_hash,
       refresh_issued_at FROM more, sessions WHERE id = :id`,
      { id: ada.session },
    )
    const plan = await ask(freddy, root.token, { since: '2026-01-01T00:00:00Z' })
    assert.deepEqual([plan.body.ends.people, plan.body.people.length], [501, 100])
    const body = { since: '2026-01-01T00:00:00Z', confirm: plan.body.confirm }
    const done = await ask(freddy, root.token, body)
    assert.equal(done.body.ends.sessions, 5501)
    const letters = await freddy.database.read("SELECT id FROM outbox WHERE letter = 'panic'")
    assert.equal(letters.length, 500)
    const undone = await undo(freddy, root.token, done.body.id)
    assert.equal(undone.status, 200, undone.text)
    assert.equal(undone.body.restored.sessions, 5501)
  },
)

scene('the shell plans, does and undoes a panic', async (freddy) => {
  const ada = await come(freddy, 'ada')
  const run = (...words: string[]) => shellBeside(freddy, ['panic', ...words])
  // The shell has a clock of its own.
  await freddy.database.write('UPDATE sessions SET expires_at = 9000000000000')
  const plan = run('--user', 'ada')
  assert.equal(plan.status, 0, plan.text)
  assert.match(plan.stdout, /It would end 1 sessions:\n {2}ada@example.com {2}.* {2}203.0.113.5 /)
  const [, words = ''] = /freddy-auth panic (--user 'ada' --confirm \S+)/.exec(plan.stdout) ?? []
  const done = run(...words.replaceAll("'", '').split(' '))
  assert.equal(done.status, 0, done.text)
  freddy.pass(2000)
  assert.deepEqual([await isIn(freddy, ada), await opens(freddy, ada)], [false, false])
  const [, id = ''] = /--undo (pan_\w+)/.exec(done.stdout) ?? []
  assert.match(run('--undo', id).stdout, /1 sessions and 1 API keys are back/)
  freddy.pass(2000)
  assert.deepEqual([await isIn(freddy, ada), await opens(freddy, ada)], [true, true])
  for (const [wrong, hint] of [
    [[], /Say what: --user USER/],
    [['--user', 'nobody'], /There is no user nobody/],
    [['--network', 'home'], /--network must be a network such as 192.0.2.0/],
  ] as const) {
    const refused = run(...wrong)
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, hint)
  }
})

test('a network is spelt in one way, and has the sources that lie in it', () => {
  const spelt = {
    '203.0.113.77/24': '203.0.113.0/24',
    '203.0.113.77': '203.0.113.77/32',
    '10.255.0.1/9': '10.128.0.0/9',
    '2001:DB8:1:2:3::/48': '2001:db8:1::/48',
    '2001:db8::1': '2001:db8::/64',
    '2001:db8:0:8001::/49': '2001:db8:0:8000::/49',
  }
  for (const [text, network] of Object.entries(spelt))
    assert.equal(parseSourceRange(text)?.text, network)
  const odd = [
    '',
    '/',
    'home',
    '0.0.0.0/0',
    '::/0',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/8/8',
    '::ffff:1.2.3.4/8',
  ]
  for (const text of odd) assert.equal(parseSourceRange(text), null, text)
  const has = (network: string, source: string) => parseSourceRange(network)?.has(source)
  assert.equal(has('203.0.113.0/24', '203.0.113.255'), true)
  assert.equal(has('203.0.113.0/24', '203.0.114.0'), false)
  assert.equal(has('2001:db8:1::/48', '2001:db8:1:ffff::/64'), true)
  assert.equal(has('2001:db8:1::/48', '2001:db8:2:0::/64'), false)
  assert.equal(has('2001:db8:1:2::5/128', '2001:db8:1:2::/64'), true)
  for (const source of ['unknown', 'shell', '']) assert.equal(has('128.0.0.0/1', source), false)
})
