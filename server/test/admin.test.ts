import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomId } from '../src/auth/random.ts'
import { readConfig } from '../src/config.ts'
import { DAY, type Freddy, MINUTE, type Person, SECRET, scene } from './freddy.ts'

async function admin(freddy: Freddy): Promise<{ ada: Person; token: string }> {
  const ada = await freddy.person('ada')
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: ada.id })
  return { ada, token: (await freddy.signIn(ada)).token }
}

const doors = [
  'GET /v1/admin/mails',
  'POST /v1/admin/mails/test',
  'GET /v1/admin/audit',
  'GET /v1/admin/settings',
  'GET /v1/admin/system',
  `DELETE /v1/admin/users/usr_${'0'.repeat(32)}/sessions`,
  `GET /v1/admin/users/usr_${'0'.repeat(32)}/budget`,
]

scene('who is no admin sees nothing of the place', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('bea'))
  for (const line of doors) assert.equal((await freddy.ask(line, { token })).status, 403, line)
})

scene('an admin sees how mails fare, and none of their words', async (freddy) => {
  const { ada, token } = await admin(freddy)
  const code = await freddy.codeFor(ada.email)
  const sent = await freddy.ask('GET /v1/admin/mails', { token })
  assert.equal(sent.body.data[0].state, 'sent')
  assert.equal(sent.text.includes(code), false)
  assert.equal(sent.text.includes(ada.email), false)

  freddy.pass(MINUTE)
  const tested = await freddy.ask('POST /v1/admin/mails/test', { token })
  assert.equal(tested.status, 201, tested.text)
  assert.equal(tested.body.state, 'queued')
  const waiting = await freddy.ask('GET /v1/admin/mails?waiting=true', { token })
  assert.deepEqual(
    waiting.body.data.map((mail: { id: string }) => mail.id),
    [tested.body.id],
  )
  await freddy.running.outbox.drain()
  assert.match(freddy.mail.mails.at(-1)?.subject ?? '', /A test of your Freddy/)
  const first = await freddy.ask('GET /v1/admin/mails?limit=1', { token })
  assert.equal(first.body.has_more, true)
  const next = await freddy.ask(`GET /v1/admin/mails?after=${first.body.data[0].id}`, { token })
  assert.equal(next.body.data[0].letter, 'code')
})

scene('an admin follows the trail by person, event and outcome', async (freddy) => {
  const { ada, token } = await admin(freddy)
  await freddy.login({ ...ada, password: 'not the password' })
  const all = await freddy.ask('GET /v1/admin/audit', { token })
  assert.ok(all.body.data.length >= 3)
  const refused = await freddy.ask('GET /v1/admin/audit?outcome=refused&event=login', { token })
  assert.equal(refused.body.data.length, 1)
  assert.equal(refused.body.data[0].user_id, ada.id)
  const other = `GET /v1/admin/audit?user_id=usr_${'0'.repeat(32)}`
  assert.deepEqual((await freddy.ask(other, { token })).body.data, [])
  const [newest] = all.body.data
  const before = `GET /v1/admin/audit?before=${newest.happened_at}`
  const older = await freddy.ask(before, { token })
  assert.equal(JSON.stringify(older.body).includes(newest.id), false)
})

scene('an admin reads a trail of one moment to its end', async (freddy) => {
  const { token } = await admin(freddy)
  const ids = Array.from({ length: 101 }, () => randomId('evt_'))
  for (const id of ids) {
    await freddy.database.write(
      `INSERT INTO audit_events (id, happened_at, event, outcome)
       VALUES (:id, :now, 'crowd.came', 'allowed')`,
      { id, now: freddy.now() },
    )
  }
  const page = async (more: string) => {
    const door = `GET /v1/admin/audit?event=crowd&limit=100${more}`
    const { body, text } = await freddy.ask(door, { token })
    assert.ok(body.data, text)
    return { has_more: body.has_more, ids: body.data.map(({ id }: { id: string }) => id) }
  }
  const first = await page('')
  assert.equal(first.has_more, true)
  const rest = await page(`&after=${first.ids.at(-1)}`)
  assert.equal(rest.has_more, false)
  assert.deepEqual([...first.ids, ...rest.ids], ids.sort().reverse())
})

async function countOf(freddy: Freddy, { id }: Person, table: string, what: string) {
  const [row] = await freddy.database.read<{ count: number }>(
    `SELECT count(*) AS count FROM ${table} WHERE ${what} AND user_id = :id`,
    { id },
  )
  return row?.count
}

scene('a test mail that the trail cannot tell of is not sent, and not counted', async (freddy) => {
  const { ada, token } = await admin(freddy)
  const test = async () => (await freddy.ask('POST /v1/admin/mails/test', { token })).status
  assert.equal(await test(), 201)
  await freddy.database.write(
    "CREATE UNIQUE INDEX one_test ON audit_events (event) WHERE event = 'mail.tested'",
  )
  for (let tries = 0; tries < 3; tries++) assert.equal(await test(), 500)
  assert.equal(await countOf(freddy, ada, 'outbox', "letter = 'test'"), 1)
  await freddy.database.write('DROP INDEX one_test')
  assert.equal(await test(), 201)
})

scene('an admin gets three test mails in ten minutes and twenty a day', async (freddy) => {
  const { ada, token } = await admin(freddy)
  const test = (by: string) => freddy.ask('POST /v1/admin/mails/test', { token: by })
  const count = (table: string, what: string) => countOf(freddy, ada, table, what)
  const atOnce = await Promise.all([test(token), test(token), test(token), test(token)])
  const [refused, ...others] = atOnce.filter(({ status }) => status !== 201)
  assert.deepEqual(others, [])
  assert.deepEqual([refused?.status, refused?.body.error.code], [429, 'TOO_MANY_REQUESTS'])
  assert.equal(refused?.headers['retry-after'], '600')
  assert.equal(await count('outbox', "letter = 'test'"), 3, 'a refusal mails nothing')
  assert.equal(await count('audit_events', "event = 'mail.tested'"), 3, 'and tells of no mail')

  let signedIn = token
  const after = async (ms: number) => {
    freddy.pass(ms)
    return (await freddy.signIn(ada)).token
  }
  for (let sent = 3; sent < 20; sent++) {
    if (sent % 3 === 0) signedIn = await after(10 * MINUTE)
    assert.equal((await test(signedIn)).status, 201, `${sent} before it`)
  }
  assert.equal((await test(await after(10 * MINUTE))).status, 429)
  assert.equal((await test(await after(DAY))).status, 201)
})

scene('an admin sees the settings in force, and no secret', async (freddy) => {
  const { token } = await admin(freddy)
  const { body, text } = await freddy.ask('GET /v1/admin/settings', { token })
  const value = (name: string) =>
    body.settings.find((row: { name: string }) => row.name === name)?.value
  assert.equal(value('CODE_DIGITS'), '4')
  assert.equal(value('SECRET_KEY'), 'is set')
  assert.equal(value('SMTP_URL'), 'is set')
  assert.equal(text.includes(SECRET), false)
  const system = await freddy.ask('GET /v1/admin/system', { token })
  assert.equal(system.body.database.kind, freddy.engine)
  assert.equal(system.body.database.answers, true)
  assert.match(system.body.database.schema, /^\d{4}-/)
  const { heard_after_ms, ...feed } = system.body.revocation
  assert.deepEqual(feed, { feed: 'lives', database_away_seconds: 600 })
  assert.ok(heard_after_ms === null || heard_after_ms.median <= heard_after_ms.p99)
  assert.deepEqual(system.body.tokens, { algorithm: 'HS256', life_seconds: 86_400 })
})

test('of every setting that carries a secret an admin sees only that it is set', () => {
  const hush = 'hush-hush-hush-hush-hush-hush-hush-hush'
  const carriers = {
    DATABASE_URL: `postgres://freddy:${hush}@db.example.com/freddy`,
    SMTP_URL: `smtps://freddy:${hush}@mail.example.com`,
    SECRET_KEY: hush,
    UPSTREAM_API_KEY: hush,
    OPENAI_API_KEY: hush,
  }
  const { told } = readConfig(carriers)
  assert.equal(JSON.stringify(told).includes(hush), false)
  const hidden = told.filter(({ value }) => value === 'is set').map(({ name }) => name)
  assert.deepEqual(hidden.sort(), Object.keys(carriers).sort())
  const PUBLIC_URL = `https://:${hush}@auth.example.com`
  assert.throws(() => readConfig({ PUBLIC_URL }), { problems: ['PUBLIC_URL: takes https://…'] })
})

scene(
  'attack 086: who is signed out by an admin is out at the next call, and may sign in again',
  async (freddy) => {
    const { ada: root, token } = await admin(freddy)
    const bea = await freddy.person('bea')
    const first = await freddy.signIn(bea)
    const { body: made } = await freddy.ask('POST /v1/api-keys', {
      token: first.token,
      body: { name: 'ci' },
    })
    freddy.pass(MINUTE)
    const second = await freddy.signIn(bea)
    freddy.pass(MINUTE)
    const waiting = (await freddy.login(bea)).body.email_key
    const code = Number(await freddy.codeFor(bea.email))
    const validate = (by: string) => freddy.ask('GET /v1/auth/validate', { token: by })
    assert.equal((await validate(first.token)).status, 200)

    const out = `DELETE /v1/admin/users/${bea.id}/sessions`
    const answer = await freddy.ask(out, { token })
    assert.deepEqual([answer.status, answer.body.sessions_ended], [200, 2])
    for (const gone of [first.token, second.token]) {
      const { body } = await validate(gone)
      assert.equal(body.error.details.reason, 'ended_by_operator')
    }
    assert.equal((await freddy.verify(waiting, code)).status, 401)
    assert.equal((await freddy.ask(out, { token })).body.sessions_ended, 0)
    const key = { 'api-key': String(made.key) }
    assert.equal((await freddy.ask('GET /v1/models', { headers: key })).status, 200)
    assert.equal((await freddy.ask('GET /v1/admin/users', { token })).status, 200)
    freddy.pass(MINUTE)
    const again = await freddy.signIn(bea)
    const story = await freddy.ask(`GET /v1/auth/sessions/${first.device_id}`, {
      token: again.token,
    })
    assert.match(JSON.stringify(story.body.decisions), /The operator ended every session/)
    const nobody = `DELETE /v1/admin/users/usr_${'0'.repeat(32)}/sessions`
    assert.equal((await freddy.ask(nobody, { token })).status, 404)
    const rows = await freddy.database.read<{ actor: string; user_id: string }>(
      "SELECT actor, user_id FROM audit_events WHERE event = 'user.signed_out'",
    )
    assert.deepEqual(
      rows.map(({ actor, user_id }) => [actor, user_id]),
      [
        [root.id, bea.id],
        [root.id, bea.id],
      ],
    )
  },
)

scene('an admin says what somebody may spend, and sees how much of it is gone', async (freddy) => {
  const { ada: root, token } = await admin(freddy)
  const bea = await freddy.person('bea')
  const { token: hers } = await freddy.signIn(bea)
  const door = `/v1/admin/users/${bea.id}/budget`
  const free = await freddy.ask(`GET ${door}`, { token })
  assert.deepEqual([free.body.is_standard, free.body.limits], [true, []])

  const budget = { tokens_per_day: 20, money_per_month: 12.5 }
  const set = await freddy.ask(`PUT ${door}`, { token, body: { budget } })
  assert.equal(set.status, 200, set.text)
  assert.deepEqual(set.body.budget, {
    tokens_per_day: 20,
    tokens_per_month: null,
    money_per_day: null,
    money_per_month: 12.5,
  })
  assert.equal(set.body.is_standard, false)
  const ask = () =>
    freddy.ask('POST /v1/responses', { token: hers, body: { model: 'echo-1', input: 'Hello' } })
  let asked = await ask()
  for (let calls = 0; calls < 20 && asked.status === 200; calls++) asked = await ask()
  assert.equal(asked.body.error.code, 'BUDGET_EXHAUSTED')
  const seen = (await freddy.ask(`GET ${door}`, { token })).body.limits
  assert.ok(seen[0].used >= 1 && seen[0].most === 20, JSON.stringify(seen))

  const back = await freddy.ask(`PUT ${door}`, { token, body: { budget: null } })
  assert.deepEqual([back.body.is_standard, back.body.limits], [true, []])
  assert.equal((await ask()).status, 200)
  for (const wrong of [{}, { budget: { tokens_per_day: -1 } }, { budget: { calls: 1 } }]) {
    assert.equal((await freddy.ask(`PUT ${door}`, { token, body: wrong })).status, 422)
  }
  const nobody = `/v1/admin/users/usr_${'0'.repeat(32)}/budget`
  assert.equal((await freddy.ask(`GET ${nobody}`, { token })).status, 404)
  assert.equal((await freddy.ask(`PUT ${nobody}`, { token, body: { budget } })).status, 404)
  const rows = await freddy.database.read<{ actor: string }>(
    "SELECT actor FROM audit_events WHERE event = 'user.budget'",
  )
  assert.deepEqual(
    rows.map(({ actor }) => actor),
    [root.id, root.id],
  )
})
