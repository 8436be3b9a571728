import assert from 'node:assert/strict'
import { Secret, TOTP } from 'otpauth'
import { type Freddy, MINUTE, type Person, scene, wrongCode } from './freddy.ts'

const STEP = 30_000

const codeAt = (secret: string, moment: number) =>
  TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: moment })

/** A code that no step around this moment has. */
function wrongTotp(secret: string, moment: number): string {
  const near = [-STEP, 0, STEP].map((apart) => codeAt(secret, moment + apart))
  return ['000000', '111111', '222222', '333333'].find((code) => !near.includes(code)) ?? ''
}

const post = (freddy: Freddy, path: string, token: string, body?: object) =>
  freddy.ask(`POST /v1/user/factors/${path}`, { token, ...(body ? { body } : {}) })

/** Adds an authenticator app; its secret, and a session that began by the mailed code. */
async function enrol(freddy: Freddy, who: Person): Promise<{ secret: string; token: string }> {
  const { token } = await freddy.signIn(who)
  const begun = await post(freddy, 'totp', token)
  assert.equal(begun.status, 201, begun.text)
  const { secret } = begun.body
  const verification_code = codeAt(secret, freddy.now())
  const confirmed = await post(freddy, 'totp/confirm', token, { verification_code })
  assert.equal(confirmed.status, 200, confirmed.text)
  freddy.pass(STEP)
  return { secret, token }
}

async function makeCodes(freddy: Freddy, token: string): Promise<string[]> {
  const made = await post(freddy, 'recovery-codes', token)
  assert.equal(made.status, 201, made.text)
  return made.body.recovery_codes
}

async function keyOf(freddy: Freddy, who: Person): Promise<string> {
  const { status, body, text } = await freddy.login(who)
  assert.equal(status, 200, text)
  return body.email_key
}

const step = (freddy: Freddy, email_key: string, more: object) =>
  freddy.ask('POST /v1/auth/verify', { body: { email_key, ...more } })

const byApp = (freddy: Freddy, key: string, verification_code: unknown) =>
  step(freddy, key, { method: 'totp', verification_code })

const byPaper = (freddy: Freddy, key: string, recovery_code: unknown) =>
  step(freddy, key, { method: 'recovery_code', recovery_code })

const waysIn = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).amr

const countOf = async (freddy: Freddy, table: string) => {
  const rows = await freddy.database.read<{ count: number }>(
    `SELECT count(*) AS count FROM ${table}`,
  )
  return rows[0]?.count
}

/** The letters about factors that an owner got. */
async function lettersOf(freddy: Freddy): Promise<string[]> {
  await freddy.running.outbox.drain()
  return freddy.mail.mails
    .filter(({ subject }) => subject.startsWith('The ways to sign in'))
    .map(({ raw }) => raw)
}

scene('an authenticator app is added, signs in, and is removed', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const begun = (await post(freddy, 'totp', token)).body
  const uri = new URL(begun.uri)
  assert.equal(uri.protocol, 'otpauth:')
  assert.equal(uri.searchParams.get('secret'), begun.secret)
  assert.match(decodeURIComponent(uri.pathname), /auth\.example\.com:ada@example\.com$/)
  assert.equal(begun.secret.length, 32)

  const wrong = { verification_code: wrongTotp(begun.secret, freddy.now()) }
  assert.equal((await post(freddy, 'totp/confirm', token, wrong)).status, 422)
  assert.deepEqual((await freddy.login(ada)).body.methods, ['email'])

  const right = { verification_code: Number(codeAt(begun.secret, freddy.now())) }
  const confirmed = await post(freddy, 'totp/confirm', token, right)
  assert.equal(confirmed.status, 200, confirmed.text)
  assert.deepEqual(confirmed.body, {
    methods: ['email', 'totp'],
    totp_since: '2026-11-23T12:00:00.000Z',
    recovery_codes_left: 0,
    passkeys: [],
  })
  assert.equal((await post(freddy, 'totp/confirm', token, right)).status, 404)
  assert.equal((await post(freddy, 'totp', token)).body.error.code, 'FACTOR_EXISTS')

  freddy.pass(MINUTE)
  const login = await freddy.login(ada)
  assert.deepEqual(login.body.methods, ['email', 'totp'])
  assert.equal(login.body.next_step, 'email_verification')
  const code = Number(codeAt(begun.secret, freddy.now()))
  const answer = await byApp(freddy, login.body.email_key, code)
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(waysIn(answer.body.token), ['pwd', 'otp'])

  const remove = () => freddy.ask('DELETE /v1/user/factors/totp', { token: answer.body.token })
  assert.deepEqual((await remove()).body.methods, ['email'])
  assert.equal((await remove()).status, 404)
  const events = await freddy.database.read<{ event: string; reason: string }>(
    `SELECT event, reason FROM audit_events WHERE event LIKE 'factor.%' ORDER BY happened_at`,
  )
  assert.deepEqual(
    events.map(({ event, reason }) => [event, reason]),
    [
      ['factor.added', 'totp'],
      ['factor.removed', 'totp'],
    ],
  )
  const letters = await lettersOf(freddy)
  assert.deepEqual(
    letters.map((text) => /was (added|removed)/.exec(text)?.[1]),
    ['added', 'removed'],
  )
})

scene('a code of the app works once, and none before it works after it', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  const next = codeAt(secret, freddy.now() + STEP)
  const present = codeAt(secret, freddy.now())
  assert.equal((await byApp(freddy, await keyOf(freddy, ada), next)).status, 200)
  const key = await keyOf(freddy, ada)
  for (const used of [next, present]) {
    const replay = await byApp(freddy, key, used)
    assert.equal(replay.status, 401)
    assert.equal(replay.body.error.code, 'INVALID_VERIFICATION_CODE')
  }
  freddy.pass(2 * STEP)
  assert.equal((await byApp(freddy, key, codeAt(secret, freddy.now()))).status, 200)
})

scene('the code that confirmed the app does not sign in', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  const confirmedBy = codeAt(secret, freddy.now() - STEP)
  assert.equal((await byApp(freddy, await keyOf(freddy, ada), confirmedBy)).status, 401)
})

scene('a code of the app is one step early or late at most', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  freddy.pass(5 * STEP)
  const key = await keyOf(freddy, ada)
  for (const apart of [-2 * STEP, 2 * STEP]) {
    assert.equal((await byApp(freddy, key, codeAt(secret, freddy.now() + apart))).status, 401)
  }
  assert.equal((await byApp(freddy, key, codeAt(secret, freddy.now() - STEP))).status, 200)
})

scene('what has not the shape of its method spends no guess', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret, token } = await enrol(freddy, ada)
  const [paper = ''] = await makeCodes(freddy, token)
  const key = await keyOf(freddy, ada)
  const code = codeAt(secret, freddy.now())
  const odd: object[] = [
    ...[1_000_000, -1, 1.5, '12345', '1234567', ` ${code}`, [code], null, true].map((value) => ({
      method: 'totp',
      verification_code: value,
    })),
    { method: 'totp' },
    { method: 'totp', recovery_code: paper },
    { method: 'totp', verification_code: code, recovery_code: paper },
    { method: 'recovery_code' },
    { method: 'recovery_code', verification_code: code },
    { method: 'recovery_code', verification_code: code, recovery_code: paper },
    ...[paper.slice(1), `${paper}A`, '', 42, [paper], `${paper.slice(1)}U`].map((value) => ({
      method: 'recovery_code',
      recovery_code: value,
    })),
    { method: 'email', verification_code: '012345' },
    { method: 'email', verification_code: 42 },
    { recovery_code: paper },
    { verification_code: 42, recovery_code: paper },
    { method: 'sms', verification_code: 2290 },
    { method: ['totp'], verification_code: code },
  ]
  for (const more of odd) {
    assert.equal((await step(freddy, key, more)).status, 422, JSON.stringify(more))
  }
  const rows = await freddy.database.read<{ attempts: number }>(
    'SELECT attempts FROM challenges WHERE consumed_at IS NULL',
  )
  assert.deepEqual(
    rows.map(({ attempts }) => attempts),
    [0],
  )
  assert.equal((await byApp(freddy, key, code)).status, 200)
})

scene('a recovery code works once, however it is typed, and the owner is told', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const codes = await makeCodes(freddy, token)
  assert.equal(new Set(codes).size, 10)
  const [first = '', second = ''] = codes
  const login = await freddy.login(ada)
  assert.deepEqual(login.body.methods, ['email', 'recovery_code'])
  const typed = first.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')
  const answer = await byPaper(freddy, login.body.email_key, typed)
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(waysIn(answer.body.token), ['pwd', 'recovery'])

  const key = await keyOf(freddy, ada)
  assert.equal((await byPaper(freddy, key, first)).status, 401)
  assert.equal((await byPaper(freddy, key, second)).status, 200)
  const state = await freddy.ask('GET /v1/user/factors', { token })
  assert.equal(state.body.recovery_codes_left, 8)
  const letters = await lettersOf(freddy)
  assert.equal(letters.filter((text) => text.includes('was used to sign in')).length, 2)
})

scene(
  'new recovery codes end the old ones, and another person has no use of them',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const bob = await freddy.person('bob')
    const { token } = await freddy.signIn(ada)
    const [old = ''] = await makeCodes(freddy, token)
    const both = await Promise.all([makeCodes(freddy, token), makeCodes(freddy, token)])
    assert.equal(await countOf(freddy, 'recovery_codes'), 10)
    const key = await keyOf(freddy, ada)
    assert.equal((await byPaper(freddy, key, old)).status, 401)
    const bobs = await keyOf(freddy, bob)
    const answers = []
    for (const [code = ''] of both) {
      assert.equal((await byPaper(freddy, bobs, code)).status, 401)
      answers.push((await byPaper(freddy, key, code)).status)
    }
    assert.ok(answers.includes(200))
  },
)

scene('ten at once with one code of the app start one session', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  const keys = [await keyOf(freddy, ada), await keyOf(freddy, ada)]
  const before = await countOf(freddy, 'sessions')
  const code = codeAt(secret, freddy.now())
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => byApp(freddy, keys[index % 2] ?? '', code)),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(await countOf(freddy, 'sessions'), Number(before) + 1)
})

scene('one recovery code on two keys at once starts one session', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const [code = ''] = await makeCodes(freddy, token)
  const keys = [await keyOf(freddy, ada), await keyOf(freddy, ada)]
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => byPaper(freddy, keys[index % 2] ?? '', code)),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(await countOf(freddy, 'sessions'), 2)
})

scene('one key is used once, whichever method is first', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret, token } = await enrol(freddy, ada)
  const [paper = ''] = await makeCodes(freddy, token)
  const key = await keyOf(freddy, ada)
  const code = await freddy.codeFor(ada.email)
  const answers = await Promise.all([
    freddy.verify(key, Number(code)),
    byApp(freddy, key, codeAt(secret, freddy.now())),
    byPaper(freddy, key, paper),
  ])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401])
  assert.equal(await countOf(freddy, 'sessions'), 2)
})

scene('all methods spend one budget: five guesses a key, eight a day', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  const none = 'AAAA-AAAA-AAAA-AAAA'
  const key = await keyOf(freddy, ada)
  const code = await freddy.codeFor(ada.email)
  const wrong = wrongTotp(secret, freddy.now())
  const guesses = [
    await freddy.verify(key, wrongCode(code)),
    await byApp(freddy, key, wrong),
    await byPaper(freddy, key, none),
    await byApp(freddy, key, wrong),
    await byPaper(freddy, key, none),
  ]
  assert.deepEqual(
    guesses.map(({ status }) => status),
    [401, 401, 401, 401, 401],
  )
  assert.equal((await byApp(freddy, key, codeAt(secret, freddy.now()))).status, 429)

  const other = await keyOf(freddy, ada)
  for (let count = 0; count < 3; count++) {
    assert.equal((await byApp(freddy, other, wrong)).status, 401)
  }
  const over = await byApp(freddy, other, codeAt(secret, freddy.now()))
  assert.equal(over.status, 429)
  assert.equal(over.body.error.code, 'TOO_MANY_VERIFICATION_ATTEMPTS')
  assert.equal((await freddy.login(ada)).status, 429)
})

scene('a right code is no wrong guess of its person', async (freddy) => {
  const ada = await freddy.person('ada')
  const { secret } = await enrol(freddy, ada)
  for (let count = 0; count < 12; count++) {
    freddy.pass(11 * MINUTE)
    const answer = await byApp(freddy, await keyOf(freddy, ada), codeAt(secret, freddy.now()))
    assert.equal(answer.status, 200, answer.text)
  }
})

scene('a registration takes its mailed code only', async (freddy) => {
  const { body } = await freddy.ask('POST /v1/auth/register', {
    body: { email: 'eve@example.com', password: 'a long sentence of hers' },
  })
  for (const answer of [
    await byApp(freddy, body.email_key, '123456'),
    await byPaper(freddy, body.email_key, 'AAAA-AAAA-AAAA-AAAA'),
  ]) {
    assert.equal(answer.status, 422)
    assert.equal(answer.body.error.param, 'method')
  }
  const code = await freddy.codeFor('eve@example.com')
  assert.equal((await freddy.verify(body.email_key, Number(code))).status, 200)
})

scene('a founding client signs in as before, with every factor there', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await enrol(freddy, ada)
  await makeCodes(freddy, token)
  const session = await freddy.signIn(ada)
  assert.deepEqual(waysIn(session.token), ['pwd', 'email'])
})

scene('a session ten minutes old, or by a recovery code, changes no factor', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await enrol(freddy, ada)
  const [paper = ''] = await makeCodes(freddy, token)
  const weak = (await byPaper(freddy, await keyOf(freddy, ada), paper)).body.token
  const doors = [
    'POST /v1/user/factors/totp',
    'DELETE /v1/user/factors/totp',
    'POST /v1/user/factors/recovery-codes',
  ]
  const refusedFor = async (stale: string, reason: string) => {
    const answers = [
      ...(await Promise.all(doors.map((door) => freddy.ask(door, { token: stale })))),
      await post(freddy, 'totp/confirm', stale, { verification_code: '123456' }),
    ]
    for (const answer of answers) {
      assert.equal(answer.status, 403, answer.text)
      assert.equal(answer.body.error.code, 'INSUFFICIENT_PERMISSIONS')
      assert.equal(answer.body.error.details.reason, reason)
    }
    assert.equal((await freddy.ask('GET /v1/user/factors', { token: stale })).status, 200)
  }
  await refusedFor(weak, 'recovery_session')
  const made = await freddy.ask('POST /v1/api-keys', { token: weak, body: { name: 'k' } })
  assert.equal(made.status, 403)
  assert.equal(made.body.error.details.reason, 'recovery_session')
  freddy.pass(10 * MINUTE)
  await refusedFor(token, 'sign_in_again')
  const still = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  assert.equal(still.status, 201, still.text)
})

scene('a renewed session stays as weak and as old as it was', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const [paper = ''] = await makeCodes(freddy, token)
  const { refreshToken } = (await byPaper(freddy, await keyOf(freddy, ada), paper)).body
  const { body } = await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: refreshToken, rotate: true },
  })
  assert.deepEqual(waysIn(body.token), ['pwd', 'recovery'])
  const refused = await post(freddy, 'recovery-codes', body.token)
  assert.equal(refused.body.error.details.reason, 'recovery_session')
})

scene('an API key sees no factor', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const { key } = (await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })).body
  const answer = await freddy.ask('GET /v1/user/factors', { headers: { 'api-key': key } })
  assert.equal(answer.status, 403)
})

scene('nothing that is stored passes the second step', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { secret, token } = await enrol(freddy, ada)
  const codes = await makeCodes(freddy, token)
  const tables = ['totp_factors', 'recovery_codes', 'outbox', 'audit_events']
  const rows = await Promise.all(
    tables.map((table) => freddy.database.read(`SELECT * FROM ${table}`)),
  )
  const stored = JSON.stringify(rows) + freddy.log.join()
  const hex = Buffer.from(Secret.fromBase32(secret).buffer).toString('hex')
  for (const one of [secret, hex, ...codes, ...codes.map((code) => code.replaceAll('-', ''))]) {
    assert.equal(stored.includes(one), false)
  }
  // Put into another person's row, the secret opens nothing.
  await freddy.database.write('UPDATE totp_factors SET user_id = :bob', { bob: bob.id })
  const answer = await byApp(freddy, await keyOf(freddy, bob), codeAt(secret, freddy.now()))
  assert.equal(answer.status, 401)
})
