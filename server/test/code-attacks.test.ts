import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveCode } from '../src/auth/code.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { DAY, type Freddy, MINUTE, type Person, SECRET, scene, wrongCode } from './freddy.ts'

const resend = (freddy: Freddy, email_key: string) =>
  freddy.ask('POST /v1/auth/resend-email', { body: { email_key } })

async function begin(freddy: Freddy, who: Person) {
  const { body } = await freddy.login(who)
  return { key: String(body.email_key), code: await freddy.codeFor(who.email) }
}

const statusesOf = (answers: readonly { status: number }[]) => answers.map(({ status }) => status)

const attemptsOf = async (freddy: Freddy) =>
  (await freddy.database.read<{ attempts: number }>('SELECT attempts FROM challenges')).map(
    (row) => row.attempts,
  )

scene('attack 026: a sixth guess on one key is refused, right as it may be', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  const answers = []
  for (let guess = 0; guess < 6; guess++) answers.push(await freddy.verify(key, wrongCode(code)))
  assert.deepEqual(statusesOf(answers), [401, 401, 401, 401, 401, 429])
  assert.equal((await freddy.verify(key, Number(code))).status, 429)
  assert.deepEqual(await attemptsOf(freddy), [5])
  assert.equal((await resend(freddy, key)).status, 429)
})

/** On whom wrong codes are counted now, and whose each of them is. */
const guessesOn = async (freddy: Freddy) =>
  (
    await freddy.database.read<{ key: string; user_id: string }>(
      "SELECT key, user_id FROM budgets WHERE name LIKE 'code-%' AND name <> 'code-mails' AND log <> ''",
    )
  ).map(({ key, user_id }) => [key, user_id])

scene('a wrong code counts on whoever pays for it, a right one on nobody', async (freddy) => {
  const ada = await freddy.person('ada')
  const first = await begin(freddy, ada)
  await freddy.verify(first.key, wrongCode(first.code))
  assert.deepEqual(await guessesOn(freddy), [[`code-account ${ada.id}`, ada.id]])
  const { device_token } = (await freddy.verify(first.key, Number(first.code))).body
  await freddy.database.write("UPDATE budgets SET log = ''")

  const fromDevice = async () => {
    const body = { email_or_username: ada.email, password: ada.password, device_token }
    const { email_key: key } = (await freddy.ask('POST /v1/auth/login', { body })).body
    return { key, code: await freddy.codeFor(ada.email) }
  }
  const second = await fromDevice()
  assert.equal((await freddy.verify(second.key, Number(second.code))).status, 200)
  assert.deepEqual(await guessesOn(freddy), [])
  const third = await fromDevice()
  await freddy.verify(third.key, wrongCode(third.code))
  const [device] = String(device_token).split('.')
  assert.deepEqual(await guessesOn(freddy), [[`code-device ${device}`, ada.id]])
})

scene('attack 027: fifty guesses at once are five', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => freddy.verify(key, wrongCode(code))),
  )
  assert.equal(answers.filter(({ status }) => status === 401).length, 5)
  assert.equal(answers.filter(({ status }) => status === 429).length, 45)
  assert.deepEqual(await attemptsOf(freddy), [5])
})

scene(
  'attack 028: new keys bring no new guesses: eight wrong codes a day, and no more mails then',
  async (freddy) => {
    const ada = await freddy.person('ada')
    let wrong = 0
    for (let round = 0; round < 4; round++) {
      const login = await freddy.login(ada)
      if (login.status !== 200) break
      const code = await freddy.codeFor(ada.email)
      for (let guess = 0; guess < 3; guess++) {
        if ((await freddy.verify(login.body.email_key, wrongCode(code))).status === 401) wrong += 1
      }
      freddy.pass(6 * MINUTE)
    }
    assert.equal(wrong, 8)
    const mails = freddy.mail.mails.length
    // The password was right each time: no try is over.
    for (let count = 0; count < 6; count++) {
      const refused = await freddy.login(ada)
      assert.equal(refused.status, 429)
      assert.equal(refused.body.error.code, 'TOO_MANY_VERIFICATION_ATTEMPTS')
    }
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, mails)
    freddy.pass(DAY)
    assert.equal((await freddy.login(ada)).status, 200)
  },
)

scene('attack 028: a third key ends the oldest', async (freddy) => {
  const ada = await freddy.person('ada')
  const one = await begin(freddy, ada)
  freddy.pass(1)
  const two = await begin(freddy, ada)
  freddy.pass(1)
  const three = await begin(freddy, ada)
  assert.equal((await freddy.verify(one.key, Number(one.code))).status, 401)
  assert.equal((await freddy.verify(two.key, Number(two.code))).status, 200)
  assert.equal((await freddy.verify(three.key, Number(three.code))).status, 200)
})

scene('attack 029: a resend brings no new guesses', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  for (let guess = 0; guess < 4; guess++) await freddy.verify(key, wrongCode(code))
  freddy.pass(MINUTE)
  assert.equal((await resend(freddy, key)).status, 200)
  const answers = [
    await freddy.verify(key, wrongCode(code)),
    await freddy.verify(key, wrongCode(code)),
  ]
  assert.deepEqual(statusesOf(answers), [401, 429])
})

scene('attack 030: one key has one code at a time', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  freddy.pass(5 * MINUTE)
  await resend(freddy, key)
  const second = await freddy.codeFor(ada.email)
  assert.notEqual(second, code)
  assert.equal((await freddy.verify(key, Number(code))).status, 401)
  assert.deepEqual(await attemptsOf(freddy), [1])
  assert.equal((await freddy.verify(key, Number(second))).status, 200)
})

scene('attack 033: twenty wrong codes in thirty days close the code door', async (freddy) => {
  const ada = await freddy.person('ada')
  let wrong = 0
  for (let day = 0; day < 6; day++) {
    for (let round = 0; round < 3; round++) {
      const login = await freddy.login(ada)
      if (login.status !== 200) continue
      const code = await freddy.codeFor(ada.email)
      for (let guess = 0; guess < 4; guess++) {
        if ((await freddy.verify(login.body.email_key, wrongCode(code))).status === 401) wrong += 1
      }
      freddy.pass(11 * MINUTE)
    }
    freddy.pass(DAY)
  }
  assert.equal(wrong, 20)
  const refused = await freddy.login(ada)
  assert.equal(refused.status, 429)
  assert.ok(refused.body.error.details.retry_after > 86_400)
})

test('attack 035: codes are even over their range, and no two generations of one are alike', () => {
  const [keys] = createKeyring([SECRET]).all
  assert.ok(keys)
  const counts = new Map<string, number>()
  const draws = 90_000
  let same = 0
  for (let id = 0; id < draws; id++) {
    const about = { id: `challenge ${id}`, purpose: 'login' as const, digits: 4 }
    const code = deriveCode(keys, { ...about, generation: 1 })
    counts.set(code, (counts.get(code) ?? 0) + 1)
    if (code === deriveCode(keys, { ...about, generation: 2 })) same += 1
  }
  for (const code of counts.keys()) assert.match(code, /^[1-9]\d{3}$/)
  assert.ok(counts.has('1000') && counts.has('9999'))
  const expected = draws / 9000
  let chiSquare = 0
  for (let code = 1000; code <= 9999; code++) {
    chiSquare += ((counts.get(String(code)) ?? 0) - expected) ** 2 / expected
  }
  // 8,999 degrees of freedom: 9,420 is passed by chance once in a thousand times, and these draws never change.
  assert.ok(chiSquare < 9420, `chi-square ${chiSquare}`)
  assert.ok(same < 40, `${same} alike`)
})

scene('attack 036: a code is a number of its digits or a string of just these', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  for (const odd of [42, 0, 999, '0042', 22901, '229012', 100_000_000, '042', -2290, 2290.5]) {
    const answer = await freddy.verify(key, odd)
    assert.equal(answer.status, 422, String(odd))
    assert.equal(answer.body.error.details.fields[0].field, 'verification_code')
  }
  const literal = await freddy.ask('POST /v1/auth/verify', {
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(literal.status, 400)
  assert.deepEqual(await attemptsOf(freddy), [0])
  assert.equal((await freddy.verify(key, code)).status, 200)
})

scene('attack 036: 2290.0 is the integer 2290, and 0042 is no JSON', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  const send = (literal: string) =>
    freddy.running.http.inject({
      method: 'POST',
      url: '/v1/auth/verify',
      headers: { host: 'localhost', 'content-type': 'application/json' },
      payload: `{"email_key":"${key}","verification_code":${literal}}`,
    })
  assert.equal((await send('0042')).statusCode, 400)
  assert.equal((await send('NaN')).statusCode, 400)
  assert.equal((await send(`${code}.0`)).statusCode, 200)
})

scene('attack 037: nothing but a number or digits is a code', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  const odd = [
    null,
    true,
    [42],
    [[42]],
    {},
    '',
    ` ${code}`,
    `${code} `,
    '1e3',
    '0x2a',
    '٢٢٩٠',
    [Number(code)],
    `${code}\n`,
  ]
  for (const value of odd)
    assert.equal((await freddy.verify(key, value)).status, 422, JSON.stringify(value))
  assert.equal((await freddy.ask('POST /v1/auth/verify', { body: { email_key: key } })).status, 422)
  assert.deepEqual(await attemptsOf(freddy), [0])
  assert.equal((await freddy.verify(key, Number(code))).status, 200)
})

scene('attack 039: a request carries one code', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  const many = Array.from({ length: 1000 }, (_, index) => 1000 + index)
  assert.equal((await freddy.verify(key, many)).status, 422)
  for (const field of ['code', 'otp', 'verificationCode']) {
    const body = { email_key: key, verification_code: wrongCode(code), [field]: Number(code) }
    const answer = await freddy.ask('POST /v1/auth/verify', { body })
    assert.equal(answer.status, 422)
    assert.equal(answer.body.error.details.fields[0].field, field)
  }
  const body = { email_key: key, verification_code: Number(code) }
  assert.equal((await freddy.ask('POST /v1/auth/verify?verification_code=7', { body })).status, 422)
  assert.deepEqual(await attemptsOf(freddy), [0])
})

scene('attack 040: a used key is like one that never was', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key, code } = await begin(freddy, ada)
  assert.equal((await freddy.verify(key, Number(code))).status, 200)
  const unknown = `uuid-${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`
  const bare = (answer: { status: number; body: { error: object } }) => ({
    status: answer.status,
    error: { ...answer.body.error, trace_id: '', timestamp: '' },
  })
  const never = await freddy.verify(unknown, 2290)
  assert.equal(never.status, 401)
  assert.deepEqual(bare(await freddy.verify(key, Number(code))), bare(never))
  assert.deepEqual(bare(await resend(freddy, key)), bare(await resend(freddy, unknown)))
  assert.equal((await freddy.ask(`GET /v1/auth/challenge/${key}`)).status, 401)
  const sessions = await freddy.database.read('SELECT id FROM sessions')
  assert.equal(sessions.length, 1)
})

scene('attack 042: a code ends at its last millisecond, a key at its own', async (freddy) => {
  const ada = await freddy.person('ada')
  const one = await begin(freddy, ada)
  freddy.pass(5 * MINUTE - 1)
  assert.equal((await freddy.verify(one.key, Number(one.code))).status, 200)

  const two = await begin(freddy, ada)
  freddy.pass(5 * MINUTE)
  assert.equal((await freddy.verify(two.key, Number(two.code))).status, 410)
  freddy.pass(30_000)
  assert.equal((await resend(freddy, two.key)).status, 200)
  const later = await freddy.codeFor(ada.email)
  freddy.pass(5 * MINUTE - 1000)
  assert.equal((await freddy.verify(two.key, Number(later))).status, 200)

  const three = await begin(freddy, ada)
  freddy.pass(30 * MINUTE - 1000)
  assert.equal((await resend(freddy, three.key)).status, 200)
  const last = await freddy.codeFor(ada.email)
  freddy.pass(2000)
  assert.equal((await resend(freddy, three.key)).status, 401)
  assert.equal((await freddy.verify(three.key, Number(last))).status, 200)

  const four = await begin(freddy, ada)
  freddy.pass(30 * MINUTE + 1000)
  assert.equal((await resend(freddy, four.key)).status, 401)
  assert.equal((await freddy.verify(four.key, Number(four.code))).status, 401)
})

scene('attack 042: four resends, a minute apart, and the fifth is refused', async (freddy) => {
  const ada = await freddy.person('ada')
  const { key } = await begin(freddy, ada)
  const early = await resend(freddy, key)
  assert.equal(early.status, 429)
  assert.equal(early.body.error.code, 'TOO_MANY_REQUESTS')
  assert.equal(early.body.error.details.retry_after, 60)
  for (let count = 0; count < 4; count++) {
    freddy.pass(3 * MINUTE)
    assert.equal((await resend(freddy, key)).status, 200)
  }
  freddy.pass(3 * MINUTE)
  assert.equal((await resend(freddy, key)).status, 429)
})

scene('attack 043: a code belongs to its key', async (freddy) => {
  const ada = await begin(freddy, await freddy.person('ada'))
  const eve = await begin(freddy, await freddy.person('eve'))
  if (ada.code !== eve.code) {
    assert.equal((await freddy.verify(ada.key, Number(eve.code))).status, 401)
    assert.equal((await freddy.verify(eve.key, Number(ada.code))).status, 401)
  }
  for (const odd of [
    ada.key.toUpperCase(),
    `${ada.key}\0`,
    ` ${ada.key}`,
    `${ada.key} `,
    ada.key.slice(5),
  ]) {
    assert.equal((await freddy.verify(odd, Number(ada.code))).status, 422)
  }
  assert.equal((await freddy.verify(ada.key, Number(ada.code))).status, 200)
})

scene('attack 046: a sign-in that moved is told to its owner', async (freddy) => {
  const ada = await freddy.person('ada')
  const login = await freddy.login(ada, { from: '192.0.2.1', headers: { 'user-agent': 'one' } })
  const code = await freddy.codeFor(ada.email)
  const moved = { from: '203.0.113.9', headers: { 'user-agent': 'two' } }
  assert.equal((await freddy.verify(login.body.email_key, Number(code), moved)).status, 200)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 2)
  const [event] = await freddy.database.read(
    "SELECT reason FROM audit_events WHERE event = 'login.verified'",
  )
  assert.equal(event?.reason, 'moved')
})

scene(
  'attack 046: in the strict profile a sign-in that moved is refused',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const login = await freddy.login(ada, { from: '192.0.2.1', headers: { 'user-agent': 'one' } })
    const code = Number(await freddy.codeFor(ada.email))
    const moved = { from: '203.0.113.9', headers: { 'user-agent': 'two' } }
    assert.equal((await freddy.verify(login.body.email_key, code, moved)).status, 401)
    assert.deepEqual(await guessesOn(freddy), [], 'the code was right')
  },
  { env: { PROFILE: 'strict' } },
)

scene(
  'attack 047, 048: no answer, header, log line or row tells a code or a key',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const login = await freddy.login(ada, { headers: { accept: '*/*' } })
    const key = String(login.body.email_key)
    const code = await freddy.codeFor(ada.email)
    const shown = await freddy.ask(`GET /v1/auth/challenge/${key}`)
    assert.equal(shown.status, 200, shown.text)
    const tokens = await freddy.verify(key, Number(code))
    const answers = [login, shown, tokens].map(
      ({ headers, text }) => JSON.stringify(headers) + text,
    )
    assert.equal(
      answers.some((answer) =>
        answer
          .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|ey[\w.-]+|[0-9a-f]{32}|GMT/g, '')
          .includes(`"${code}"`),
      ),
      false,
    )
    const tables = [
      'users',
      'challenges',
      'sessions',
      'devices',
      'budgets',
      'outbox',
      'audit_events',
    ]
    const rows = []
    for (const table of tables) rows.push(...(await freddy.database.read(`SELECT * FROM ${table}`)))
    const kept = JSON.stringify(rows) + freddy.log.join('\n')
    const { token, refreshToken, device_token } = tokens.body
    for (const secret of [key, key.slice(5), ada.password, token, refreshToken, device_token]) {
      assert.equal(kept.includes(secret), false)
    }
    assert.equal(new RegExp(`"${code}"|\\b${code}\\b`).test(kept.replace(/\d{5,}/g, '')), false)
  },
)

scene(
  'attack 021: how a mail fares does not say whether its address has an account',
  async (freddy) => {
    const ada = await freddy.person('ada')
    freddy.mail.behaviour.refuses = true
    for (const path of ['password/reset', 'register']) {
      const told = []
      for (const email of [ada.email, 'nobody@example.com']) {
        const body = path === 'register' ? { email, password: ada.password } : { email }
        const begun = await freddy.ask(`POST /v1/auth/${path}`, { body })
        const at = `GET /v1/auth/challenge/${begun.body.email_key}`
        told.push((await freddy.ask(at)).body)
        await freddy.running.outbox.drain()
        told.push((await freddy.ask(at)).body)
      }
      for (const { delivery } of told) assert.deepEqual(delivery, { state: 'sent' }, path)
      assert.deepEqual(told.slice(0, 2), told.slice(2), path)
    }
  },
)

scene('the holder of a key is told how the mail fares', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const at = `GET /v1/auth/challenge/${body.email_key}`
  const queued = await freddy.ask(at)
  assert.deepEqual(queued.body, {
    type: 'login',
    expires_at: '2026-11-23T12:05:00.000Z',
    resend_after: 60,
    sends_left: 4,
    delivery: { state: 'queued' },
  })
  await freddy.running.outbox.drain()
  assert.equal((await freddy.ask(at)).body.delivery.state, 'sent')
})
