import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createApp } from '../src/app.ts'
import { triesWithin, waitFor } from '../src/auth/budget.ts'
import { deriveCode } from '../src/auth/code.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { readConfig } from '../src/config.ts'
import { createHttp } from '../src/http/server.ts'
import { budgets } from '../src/limits.ts'
import { routes } from '../src/routes.ts'
import { databases } from './databases.ts'
import {
  type Answer,
  DAY,
  type Freddy,
  HOUR,
  SECRET,
  scene,
  startFreddy,
  wrongCode,
} from './freddy.ts'
import { seeded } from './fuzz-values.ts'

const WRONG = 'this is not the password'
const NOON = Date.UTC(2026, 10, 23, 12)
const NEW = 'a new and longer password'
const nobodysKey = 'uuid-00000000-0000-0000-0000-000000000000'

/** An error without what differs in every answer. */
const bare = ({ status, body, headers }: Answer) => ({
  status,
  error: { ...body.error, trace_id: '', timestamp: '' },
  length: headers['content-length'],
})

const changePassword = (freddy: Freddy, token: string, current_password: string) =>
  freddy.ask('PUT /v1/auth/password/update', {
    token,
    body: { current_password, new_password: NEW, confirm_password: NEW },
  })

scene('attack 006: every door that takes a password spends one budget', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  for (let count = 0; count < 2; count++) {
    assert.equal((await changePassword(freddy, token, WRONG)).status, 401)
  }
  for (const as of [ada.email, ada.userName, ada.email]) {
    assert.equal((await freddy.login({ as, password: WRONG })).status, 401)
  }
  for (const answer of [
    await freddy.login(ada),
    await changePassword(freddy, token, ada.password),
  ]) {
    assert.equal(answer.status, 429)
    assert.equal(answer.body.error.code, 'TOO_MANY_LOGIN_ATTEMPTS')
  }
})

scene('attack 022: a key that is unknown, used or over is one answer', async (freddy) => {
  const ada = await freddy.person('ada')
  const resend = (email_key: string) =>
    freddy.ask('POST /v1/auth/resend-email', { body: { email_key } })
  const used = (await freddy.login(ada)).body.email_key
  await freddy.verify(used, Number(await freddy.codeFor(ada.email)))
  const live = (await freddy.login(ada)).body.email_key
  const refused = [await resend(nobodysKey), await resend(used)]
  freddy.pass(61_000)
  assert.equal((await resend(live)).status, 200)
  freddy.pass(DAY)
  refused.push(await resend(live))
  for (const answer of refused) assert.deepEqual(bare(answer), bare(refused[0] as Answer))
  assert.equal(refused[0]?.status, 401)
  for (const key of ['', 'uuid-1', nobodysKey.toUpperCase(), `${nobodysKey} `]) {
    assert.equal((await resend(key)).status, 422, key)
  }
})

scene('attack 025: no door tells strangers who has an account', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(await freddy.person('eve'))
  for (const ask of [{}, { token }]) {
    for (const door of [
      'POST /v1/auth/validate-email',
      `GET /v1/user/email/${ada.userName}`,
      'GET /v1/user',
      'GET /v1/users',
    ]) {
      assert.equal((await freddy.ask(door, ask)).status, 404, door)
    }
    assert.ok([401, 403].includes((await freddy.ask('GET /v1/admin/users', ask)).status))
  }
  const check = (username: string) =>
    freddy.ask('POST /v1/user/username/check-availability', { body: { username } })
  for (let count = 0; count < 20; count++) assert.equal((await check(`name${count}`)).status, 200)
  assert.equal((await check('one-more')).status, 429)
})

for (const { name, open } of databases) {
  test(`attack 031: a restart brings no new guesses (${name})`, async () => {
    const place = await open()
    const begin = async () => ({
      ...(await startFreddy(place.url, name)),
      database: place.database,
    })
    const end = async (freddy: Freddy) => {
      await freddy.running.close()
      await freddy.mail.close()
    }
    const guess = async (freddy: Freddy, email: string, times: number) => {
      const { body } = await freddy.login({ as: email })
      const code = wrongCode(await freddy.codeFor(email))
      const statuses = []
      for (let count = 0; count < times; count++) {
        statuses.push((await freddy.verify(body.email_key, code)).status)
      }
      return statuses
    }
    const before = await begin()
    const ada = await before.person('ada')
    assert.deepEqual(await guess(before, ada.email, 5), Array(5).fill(401))
    await end(before)
    const after = await begin()
    assert.deepEqual(await guess(after, ada.email, 4), [401, 401, 401, 429])
    const closed = await after.login(ada)
    assert.equal(closed.body.error.code, 'TOO_MANY_VERIFICATION_ATTEMPTS')
    await end(after)
    await place.drop()
  })
}

test('attack 034: eight guesses a day at a hundred codes succeed as often as they should', () => {
  const dice = seeded(34)
  const keys = createKeyring([SECRET]).current
  const budget = budgets['code-account']
  const attackerDays = 20_000
  let taken = 0
  let guesses = 0
  for (let day = 0; day < attackerDays; day++) {
    let log = ''
    const challenge = { id: `challenge ${day}`, purpose: 'login', digits: 4 } as const
    for (let now = NOON; waitFor(budget, { log, streak: 0 }, now) === 0; now += 1000) {
      const code = Number(deriveCode(keys, { ...challenge, generation: now })) % 100
      guesses += 1
      if (code === dice.below(100)) {
        taken += 1
        break
      }
      log = String(now).padStart(13, '0') + log
    }
    assert.ok(triesWithin({ log }, DAY, NOON + 60_000) <= 8)
  }
  const share = 1 - (1 - 1 / 100) ** 8
  const sigma = Math.sqrt((share * (1 - share)) / attackerDays)
  assert.ok(Math.abs(taken / attackerDays - share) < 3 * sigma, `${taken} of ${attackerDays}`)
  assert.ok(guesses > 7 * attackerDays)
})

scene('attack 041: a code whose answer was lost starts no second session', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const code = Number(await freddy.codeFor(ada.email))
  await freddy.verify(body.email_key, code)
  const again = await freddy.verify(body.email_key, code, { headers: { 'idempotency-key': 'a' } })
  assert.equal(again.status, 401)
  assert.equal((await freddy.database.read('SELECT id FROM sessions')).length, 1)
  assert.ok((await freddy.signIn(ada)).token, 'nobody is stranded')
})

scene('attack 044: a key serves the purpose it was made for', async (freddy) => {
  const ada = await freddy.person('ada')
  const reset = await freddy.ask('POST /v1/auth/password/reset', { body: { email: ada.email } })
  const resetCode = await freddy.codeFor(ada.email)
  const crossed = await freddy.verify(reset.body.email_key, Number(resetCode))
  assert.equal(crossed.status, 401, crossed.text)
  const login = await freddy.login(ada)
  const loginCode = await freddy.codeFor(ada.email)
  for (const code of [loginCode, `${loginCode}0000`, resetCode]) {
    const answer = await freddy.ask('POST /v1/auth/password/reset/verify', {
      body: { email_key: login.body.email_key, verification_code: code, new_password: NEW },
    })
    assert.ok([401, 422].includes(answer.status), answer.text)
  }
  const keys = createKeyring([SECRET]).current
  const same = { id: 'x', generation: 1, digits: 8 }
  assert.notEqual(
    deriveCode(keys, { ...same, purpose: 'login' }),
    deriveCode(keys, { ...same, purpose: 'registration' }),
  )
})

scene('attack 048: no stored value answers to any code, however it is hashed', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const code = await freddy.codeFor(ada.email)
  const rows = []
  for (const table of ['challenges', 'outbox', 'budgets', 'audit_events']) {
    rows.push(...(await freddy.database.read(`SELECT * FROM ${table}`)))
  }
  const [challenge] = await freddy.database.read<{ id: string }>('SELECT id FROM challenges')
  const values = rows.flatMap((row) => Object.values(row as object)).map(String)
  assert.ok(!values.some((value) => value.includes(body.email_key.slice(5))))
  const kept = new Set(values)
  for (let guess = 1000; guess <= 9999; guess++) {
    for (const text of [`${guess}`, `${challenge?.id}${guess}`, `${guess}${body.email_key}`]) {
      const hash = createHash('sha256').update(text).digest()
      for (const form of ['hex', 'base64', 'base64url'] as const) {
        assert.ok(!kept.has(hash.toString(form)), 'a plain hash of a code')
      }
    }
  }
  assert.ok(!kept.has(code))
})

scene(
  'attack 049: a code that is nearly right is answered like one that is not',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { body } = await freddy.login(ada)
    const code = await freddy.codeFor(ada.email)
    const far = [...code].map((digit) => ((Number(digit) % 9) + 1).toString()).join('')
    const near = await freddy.verify(body.email_key, wrongCode(code))
    const answers = [
      near,
      await freddy.verify(body.email_key, Number(far)),
      await freddy.verify(nobodysKey, Number(code)),
    ]
    for (const answer of answers) assert.deepEqual(bare(answer), bare(near))
  },
)

test('attack 082: no server starts with a secret that others know', async () => {
  const weak = [
    'secret',
    'changeme',
    'your-256-bit-secret-your-256-bit-secret',
    'x'.repeat(64),
    'abcabcabcabcabcabcabcabcabcabcabcabcabcabc',
    SECRET.slice(0, 31),
    'ThisIsMySecretKeyThatNobodyWillEverGuess42',
    'qwertyuiopasdfghjklzxcvbnm1234567890QWERTY',
    `${SECRET} ${SECRET}`,
  ]
  for (const secret of weak) {
    const place = await databases[0].open()
    const env = { SECRET_KEY: secret, DATA_DIR: place.url.slice(0, place.url.lastIndexOf('/')) }
    await assert.rejects(
      async () => createApp(readConfig({ ...env, HASH_THREADS: '1' })),
      (refusal: Error) => refusal.name === 'ConfigError' && !refusal.message.includes(secret),
      secret,
    )
    await place.drop()
  }
})

scene('attack 096: a key opens what its scopes name, and makes no other', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const made = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'k', scopes: ['models'] },
  })
  const headers = { 'api-key': String(made.body.key) }
  assert.equal((await freddy.ask('GET /v1/models', { headers })).status, 200)
  for (const { method, path, who, body } of routes) {
    if (['open', 'authenticated', 'anyKey', 'models'].includes(who) || body) continue
    const line = `${method} ${path.replace(':id', made.body.id)}`
    const answer = await freddy.ask(line, { headers })
    assert.ok([403, 404].includes(answer.status), `${line} ${answer.text}`)
  }
  for (const scopes of [['models'], ['admin'], ['account:read']]) {
    const answer = await freddy.ask('POST /v1/api-keys', { headers, body: { name: 'x', scopes } })
    assert.ok([403, 422].includes(answer.status))
  }
  assert.equal((await freddy.database.read('SELECT id FROM api_keys')).length, 1)
})

scene('attack 110: SQL in a field is text like any other', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const plain = await freddy.login({ as: 'nobody', password: WRONG }, { from: '192.0.2.1' })
  const injections = [
    "' OR '1'='1",
    "ada' --",
    '"; DROP TABLE users; --',
    "ada@example.com' UNION SELECT * FROM users --",
    '%',
    'ad_',
    ':key',
    '$1',
    '9223372036854775808',
  ]
  for (const [index, text] of injections.entries()) {
    const answer = await freddy.login({ as: text, password: WRONG }, { from: `192.0.3.${index}` })
    assert.deepEqual(bare(answer), bare(plain), text)
    const after = await freddy.ask(`GET /v1/api-keys?after=${encodeURIComponent(text)}`, { token })
    assert.ok([200, 404, 422].includes(after.status), text)
    const limit = await freddy.ask(`GET /v1/api-keys?limit=${encodeURIComponent(text)}`, { token })
    assert.equal(limit.status, 422, text)
  }
  assert.equal((await freddy.database.read('SELECT id FROM users')).length, 1)
})

scene('attack 112: what went wrong inside is not told outside', async (freddy) => {
  const { app } = freddy.running
  const inner = 'SELECT password_hash FROM users at /srv/freddy/store.ts host db.internal'
  const http = await createHttp(app, (pages) => {
    pages.get('/error', async () => {
      throw new Error(inner, { cause: new Error('550 mailbox of ada@example.com') })
    })
    pages.get('/null', async () => Reflect.get(null as unknown as object, 'x'))
    pages.get('/text', async () => {
      throw inner
    })
  })
  for (const url of ['/error', '/null', '/text']) {
    const answer = await http.inject({ url, headers: { host: 'localhost' } })
    assert.equal(answer.statusCode, 500)
    const { code, message, ...rest } = answer.json().error
    assert.deepEqual([code, message], ['INTERNAL_ERROR', 'Something went wrong on our side'])
    assert.deepEqual(Object.keys(rest).sort(), [
      'doc_url',
      'status',
      'system_message',
      'timestamp',
      'trace_id',
      'type',
    ])
    // But for the id of the request, whose digits are drawn.
    const said = (answer.body + JSON.stringify(answer.headers)).replaceAll(rest.trace_id, '')
    assert.doesNotMatch(said, /SELECT|srv|550 mailbox|internal\b|null/)
  }
  await http.close()
})

scene('attack 114: a log line is one JSON object, and no secret is in any', async (freddy) => {
  const ada = await freddy.person('ada')
  const login = await freddy.login(ada, {
    headers: { 'user-agent': 'a\u001b[31m {"event":"forged"}', 'x-request-id': '{"event":1}' },
  })
  const code = await freddy.codeFor(ada.email)
  await freddy.verify(login.body.email_key, wrongCode(code))
  const tokens = (await freddy.verify(login.body.email_key, Number(code))).body
  const made = await freddy.ask('POST /v1/api-keys', { token: tokens.token, body: { name: 'k' } })
  await freddy.ask('GET /v1/models', { headers: { 'api-key': made.body.key } })
  await freddy.ask(`GET /v1/auth/challenge/${login.body.email_key}`)
  await freddy.ask('GET /v1/models?event=forged', { token: `${tokens.token}x` })
  await freddy.ask('GET /nowhere/%0aforged', {})

  assert.ok(freddy.log.length > 6)
  for (const line of freddy.log) {
    assert.equal(line.trim().split('\n').length, 1)
    assert.equal(typeof JSON.parse(line).event, 'string')
  }
  const logs = freddy.log.join('')
  for (const piece of ['forged', '\u001b']) assert.ok(!logs.includes(piece), piece)
  const canaries: string[] = [
    ada.password,
    ada.email,
    login.body.email_key.slice(5),
    tokens.token,
    tokens.refreshToken.split('.')[2],
    tokens.device_token,
    made.body.key.slice(3),
  ]
  for (const canary of canaries) {
    const forms = [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64')]
    if (!canary.startsWith('ey')) forms.push(canary.slice(0, 12))
    for (const form of forms) assert.ok(!logs.includes(form), `${form} is in the log`)
  }
})

scene('attack 068: a password that is too long is refused before it is hashed', async (freddy) => {
  const ada = await freddy.person('ada')
  const statusOf = async (password: string) => (await freddy.login({ ...ada, password })).status
  for (let count = 0; count < 10; count++) assert.equal(await statusOf('x'.repeat(257)), 422)
  assert.equal(await statusOf('x'.repeat(20_000)), 413)
  assert.equal(await statusOf('x'.repeat(2 ** 20)), 413)
  assert.deepEqual(await freddy.database.read('SELECT key FROM budgets'), [])
  assert.equal(await statusOf('💥'.repeat(256)), 401)
  assert.equal(await statusOf('💥'.repeat(257)), 422)
})

scene(
  'attack 087: a copied refresh token is bounded, and ends with its session',
  async (freddy) => {
    const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
    const refresh = (from: string) =>
      freddy.ask('POST /v1/auth/refresh', { body: { refresh_token: refreshToken }, from })
    const statuses = []
    for (let count = 0; count < 61; count++) {
      statuses.push((await refresh(count % 2 ? '192.0.2.1' : '198.51.100.1')).status)
    }
    assert.deepEqual(statuses, [...Array(60).fill(200), 429])
    freddy.pass(29 * DAY)
    const { token } = (await refresh('192.0.2.1')).body
    assert.equal((await freddy.ask('POST /v1/auth/logout', { token })).status, 200)
    for (const from of ['192.0.2.1', '198.51.100.1'])
      assert.equal((await refresh(from)).status, 401)
    const other = await freddy.signIn(await freddy.person('eve'))
    freddy.pass(30 * DAY + 1000)
    const body = { refresh_token: other.refreshToken }
    assert.equal((await freddy.ask('POST /v1/auth/refresh', { body })).status, 401)
  },
)

for (const { name, open } of databases) {
  test(`attack 090: a restart revives nothing, nor does a clock that runs late (${name})`, async () => {
    const place = await open()
    const before = await startFreddy(place.url, name)
    before.pass(HOUR)
    const ada = await before.signIn(await before.person('ada'))
    await before.ask('POST /v1/auth/logout', { token: ada.token })
    const eve = await before.signIn(await before.person('eve'))
    const body = { refresh_token: eve.refreshToken, rotate: true }
    for (let count = 0; count < 2; count++) await before.ask('POST /v1/auth/refresh', { body })
    before.pass(11_000)
    await before.ask('POST /v1/auth/refresh', { body })
    await before.running.close()
    await before.mail.close()

    const after = await startFreddy(place.url, name)
    for (const late of [0, HOUR, HOUR]) {
      after.pass(late)
      for (const { token, refreshToken } of [ada, eve]) {
        assert.equal((await after.ask('GET /v1/user/me', { token })).status, 401)
        const again = { refresh_token: refreshToken }
        assert.equal((await after.ask('POST /v1/auth/refresh', { body: again })).status, 401)
      }
    }
    await after.running.close()
    await after.mail.close()
    await place.drop()
  })
}
