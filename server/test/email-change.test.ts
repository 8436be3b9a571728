import assert from 'node:assert/strict'
import { type Answer, DAY, type Freddy, MINUTE, type Person, scene, wrongCode } from './freddy.ts'
import { linkFor, press } from './mailed-links.ts'
import { shellBeside } from './shell.ts'

const NEW = 'new@example.com'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

const begin = (freddy: Freddy, token: string, new_email = NEW, current_password?: string) =>
  freddy.ask('POST /v1/user/email', {
    token,
    body: { new_email, current_password: current_password ?? 'correct horse battery staple' },
  })

const finish = (freddy: Freddy, token: string, email_key: string, verification_code: unknown) =>
  freddy.ask('POST /v1/user/email/verify', { token, body: { email_key, verification_code } })

const resend = (freddy: Freddy, email_key: string) =>
  freddy.ask('POST /v1/auth/resend-email', { body: { email_key } })

const emailOf = async (freddy: Freddy, { id }: Person) =>
  (await freddy.running.app.store.users.find(id))?.address

const isIn = async (freddy: Freddy, token: string) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status === 200

const mailsTo = (freddy: Freddy, email: string) =>
  freddy.mail.mails.filter(({ envelope }) => envelope.to.includes(email))

/** Moves a person to another address; the answer. */
async function move(freddy: Freddy, token: string, email = NEW): Promise<Answer> {
  const { body } = await begin(freddy, token, email)
  return finish(freddy, token, body.email_key, Number(await freddy.codeFor(email)))
}

/** The last decision about a session, in words. */
async function assertTold(freddy: Freddy, id: string, token: string, what: string): Promise<void> {
  const { body } = await freddy.ask(`GET /v1/auth/sessions/${id}`, { token })
  assert.equal(body.decisions[0].what, what)
  for (const decision of body.decisions) assert.notEqual(decision.what, decision.event)
}

scene('attack 085: a changed address ends all that rested on the old one', async (freddy) => {
  const ada = await freddy.person('ada')
  const here = await freddy.signIn(ada)
  const there = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token: here.token, body: { name: 'k' } })
  const live = (await freddy.login(ada)).body.email_key
  const liveCode = Number(await freddy.codeFor(ada.email))
  await freddy.ask('POST /v1/auth/password/reset', { body: { email: ada.email } })
  const reset = await linkFor(freddy, ada.email, 'reset')

  freddy.pass(MINUTE)
  const begun = await begin(freddy, here.token)
  assert.equal(begun.status, 200, begun.text)
  assert.equal(begun.body.type, 'email_change')
  assert.equal(await emailOf(freddy, ada), ada.email)
  const code = await freddy.codeFor(NEW)
  assert.match(code, /^[1-9]\d{7}$/)
  const done = await finish(freddy, here.token, begun.body.email_key, Number(code))
  assert.equal(done.status, 200, done.text)
  assert.equal(done.body.email, NEW)

  assert.equal(await isIn(freddy, here.token), true)
  const refused = await freddy.ask('GET /v1/auth/validate', { token: there.token })
  assert.equal(refused.body.error.details.reason, 'email_changed')
  const renewed = { refresh_token: there.refreshToken }
  assert.equal((await freddy.ask('POST /v1/auth/refresh', { body: renewed })).status, 401)
  assert.equal((await freddy.verify(live, liveCode)).status, 401)
  assert.equal((await freddy.ask(`GET ${reset}`)).status, 410)
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('GET /v1/models', { headers })).status, 200)
  assert.equal((await freddy.login(ada)).status, 401)
  const { token } = await freddy.signIn({ ...ada, email: NEW })
  await assertTold(freddy, there.device_id, token, 'The e-mail address was changed')
  assert.equal(
    (await finish(freddy, here.token, begun.body.email_key, Number(code))).body.error.code,
    'INVALID_VERIFICATION_CODE',
  )
})

scene(
  'attack 057: the old address hears when, where and with what, and how to go back',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const { body } = await begin(freddy, token)
    const code = Number(await freddy.codeFor(NEW))
    await freddy.ask('POST /v1/user/email/verify', {
      token,
      body: { email_key: body.email_key, verification_code: code },
      headers: { 'user-agent': FIREFOX, 'x-forwarded-host': 'evil.example' },
      from: '192.0.2.7',
    })
    await freddy.running.outbox.drain()
    const letter = mailsTo(freddy, ada.email).at(-1)
    assert.equal(letter?.subject, 'The address of your Freddy account was changed')
    const text = letter?.raw.replace(/=\r\n/g, '') ?? ''
    for (const told of ['192.0.2.7', 'Firefox', '2026-11-23 12:00 UTC', '/account/undo-email/'])
      assert.ok(text.includes(told), told)
    for (const word of [NEW, 'evil']) assert.ok(!text.includes(word), word)
  },
)

scene('attack 058: the way back works once, without signing in, for seven days', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  assert.equal((await move(freddy, token)).status, 200)
  const path = await linkFor(freddy, ada.email, 'undo-email')
  freddy.pass(7 * DAY - MINUTE)
  const late = await freddy.signIn({ ...ada, email: NEW })
  for (let look = 0; look < 5; look++) {
    const seen = await freddy.ask(`GET ${path}`, { headers: { 'user-agent': 'BingPreview/1.0' } })
    assert.equal(seen.status, 200)
    assert.equal((await freddy.ask(`HEAD ${path}`)).status, 200)
  }
  assert.equal((await press(freddy, path, '', 'https://evil.example')).statusCode, 403)
  assert.equal(await emailOf(freddy, ada), NEW)

  freddy.pass(1000)
  const presses = await Promise.all(Array.from({ length: 4 }, () => press(freddy, path)))
  assert.deepEqual(presses.map(({ statusCode }) => statusCode).sort(), [200, 410, 410, 410])
  assert.equal(await emailOf(freddy, ada), ada.email)
  assert.equal(await isIn(freddy, late.token), false)
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('GET /v1/models', { headers })).status, 401)
  assert.equal((await freddy.login({ ...ada, email: NEW })).status, 401)
  assert.equal((await freddy.login(ada)).status, 401)
  const form = 'new_password=a quite different sentence'
  assert.equal(
    (await press(freddy, await linkFor(freddy, ada.email, 'reset'), form)).statusCode,
    200,
  )
  const back = await freddy.signIn({ ...ada, password: 'a quite different sentence' })
  const undone = 'A change of the e-mail address was undone'
  await assertTold(freddy, late.device_id, back.token, undone)
  const [secret = ''] = path.split('/').slice(-1)
  const rows = JSON.stringify(await freddy.database.read('SELECT * FROM mail_links'))
  assert.ok(!rows.includes(secret) && !freddy.log.some((line) => line.includes(secret)))
})

scene('after seven days there is no way back, and the address is free', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await move(freddy, token)
  const path = await linkFor(freddy, ada.email, 'undo-email')
  freddy.pass(7 * DAY)
  assert.equal((await press(freddy, path)).statusCode, 410)
  assert.equal(await emailOf(freddy, ada), NEW)
  await freddy.running.app.store.sweep.expired(freddy.now(), { auditDays: 90 })
  assert.deepEqual(await freddy.database.read('SELECT address FROM held_addresses'), [])
  const other = { email: ada.email, password: 'a long sentence of hers' }
  const { body } = await freddy.ask('POST /v1/auth/register', { body: other })
  assert.equal((await freddy.verify(body.email_key, await freddy.codeFor(ada.email))).status, 200)
})

scene('who took an account over cannot cut off the way back', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await move(freddy, token)
  const path = await linkFor(freddy, ada.email, 'undo-email')
  freddy.pass(11 * MINUTE)
  assert.equal((await move(freddy, token, 'third@example.com')).status, 200)
  const theirs = await linkFor(freddy, NEW, 'undo-email')
  const change = {
    current_password: ada.password,
    new_password: 'a sentence of the thief',
    confirm_password: 'a sentence of the thief',
  }
  const changed = await freddy.ask('PUT /v1/auth/password/update', { token, body: change })
  assert.equal(changed.status, 200)
  freddy.pass(2 * MINUTE)
  const forgot = { email: 'third@example.com' }
  const { body } = await freddy.ask('POST /v1/auth/password/reset', { body: forgot })
  const reset = {
    email_key: body.email_key,
    verification_code: Number(await freddy.codeFor(forgot.email)),
    new_password: 'another sentence of the thief',
  }
  const done = await freddy.ask('POST /v1/auth/password/reset/verify', { body: reset })
  assert.equal(done.status, 200)

  assert.equal((await press(freddy, path)).statusCode, 200)
  assert.equal(await emailOf(freddy, ada), ada.email)
  assert.equal((await press(freddy, theirs)).statusCode, 410)
  assert.equal(await emailOf(freddy, ada), ada.email)
})

scene("attack 020: an address that is somebody's is answered like any other", async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { token } = await freddy.signIn(ada)
  const answers = []
  for (const email of [NEW, bob.email]) {
    const { status, body } = await begin(freddy, token, email)
    assert.equal(status, 200)
    const wrong = await finish(freddy, token, body.email_key, 12_345_678)
    assert.equal(wrong.body.error.code, 'INVALID_VERIFICATION_CODE')
    const key = body.email_key
    const shown = await freddy.ask(`GET /v1/auth/challenge/${key}`)
    answers.push({ ...body, email_key: '', shown: shown.body })
    freddy.pass(MINUTE)
    const again = await resend(freddy, key)
    assert.equal(again.status, 200)
    assert.equal(again.body.type, 'email_change')
  }
  assert.deepEqual(
    { ...answers[0], shown: { ...answers[0]?.shown, expires_at: '' } },
    { ...answers[1], shown: { ...answers[1]?.shown, expires_at: '' } },
  )
  freddy.pass(2 * MINUTE)
  await begin(freddy, token, bob.email)
  await freddy.running.outbox.drain()
  assert.deepEqual(
    mailsTo(freddy, bob.email).map(({ subject }) => subject),
    ['You have a Freddy account already'],
  )
})

scene('a key that is for nobody leads nowhere, even with its code', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { token } = await freddy.signIn(ada)
  const { body } = await begin(freddy, token)
  const code = Number(await freddy.codeFor(NEW))
  await freddy.database.write('UPDATE users SET address = :to WHERE id = :id', {
    to: NEW,
    id: bob.id,
  })
  const late = await finish(freddy, token, body.email_key, code)
  assert.equal(late.status, 401)
  assert.equal(late.body.error.code, 'INVALID_VERIFICATION_CODE')
  assert.equal(await emailOf(freddy, ada), ada.email)
  assert.deepEqual(await freddy.database.read('SELECT address FROM held_addresses'), [])
  await freddy.running.outbox.drain()
  assert.ok(!mailsTo(freddy, ada.email).some(({ subject }) => subject.includes('changed')))
})

scene('attack 065: one address goes to one of those who ask for it at once', async (freddy) => {
  const rivals = []
  for (const name of ['ada', 'bob', 'cleo']) {
    const { token } = await freddy.signIn(await freddy.person(name))
    const { body } = await begin(freddy, token)
    rivals.push({ token, key: body.email_key, code: await freddy.codeFor(NEW) })
    freddy.pass(MINUTE)
  }
  const register = { email: NEW, password: 'a long sentence of hers' }
  freddy.pass(8 * MINUTE)
  const { body } = await freddy.ask('POST /v1/auth/register', { body: register })
  await freddy.running.outbox.drain()
  const answers = await Promise.all([
    ...rivals.map(({ token, key, code }) => finish(freddy, token, key, Number(code))),
    freddy.verify(body.email_key, Number(freddy.mail.codeFor(NEW))),
  ])
  const won = answers.filter(({ status }) => status === 200)
  assert.equal(won.length, 1, answers.map(({ text }) => text).join())
  assert.ok(answers.every(({ status }) => status === 200 || status === 401))
})

scene('while there is a way back, neither address goes to anybody else', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const bob = await freddy.signIn(await freddy.person('bob'))
  const old = { email: ada.email, password: 'a long sentence of hers' }
  await move(freddy, token)
  await freddy.running.outbox.drain()
  freddy.pass(MINUTE)
  const before = mailsTo(freddy, ada.email).length
  assert.equal((await freddy.ask('POST /v1/auth/register', { body: old })).status, 201)
  freddy.pass(MINUTE)
  assert.equal((await begin(freddy, bob.token, ada.email)).status, 200)
  await freddy.running.outbox.drain()
  const subjects = mailsTo(freddy, ada.email).map(({ subject }) => subject)
  assert.deepEqual(subjects.slice(before), ['You have a Freddy account already'])
  const made = shellBeside(freddy, ['users', 'add', ada.email])
  assert.equal(made.status, 1)
  // Their owner may go back in the usual way.
  freddy.pass(11 * MINUTE)
  assert.equal((await move(freddy, token, ada.email)).status, 200)
  assert.equal(await emailOf(freddy, ada), ada.email)
})

scene('a registration that began before a move does not get the address', async (freddy) => {
  const register = { email: NEW, password: 'a long sentence of hers' }
  const { body } = await freddy.ask('POST /v1/auth/register', { body: register })
  const code = await freddy.codeFor(NEW)
  freddy.pass(MINUTE)
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await move(freddy, token)
  freddy.pass(10 * MINUTE)
  assert.equal((await move(freddy, token, 'third@example.com')).status, 200)
  assert.equal((await freddy.verify(body.email_key, Number(code))).status, 401)
})

scene(
  'attack 006: a wrong password spends what a login would, and mails nobody',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    for (let count = 0; count < 5; count++)
      assert.equal((await begin(freddy, token, NEW, 'wrong')).status, 401)
    assert.equal((await begin(freddy, token, NEW, 'wrong')).status, 429)
    assert.equal((await freddy.login(ada)).status, 429)
    await freddy.running.outbox.drain()
    assert.equal(mailsTo(freddy, NEW).length, 0)
  },
)

scene("wrong codes end the key, then the day, and nobody's sign-in", async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  let compared = 0
  for (let round = 0; round < 3; round++) {
    const { body } = await begin(freddy, token)
    const code = await freddy.codeFor(NEW)
    for (let guess = 0; guess < 5; guess++) {
      const { status } = await finish(freddy, token, body.email_key, wrongCode(code))
      if (status === 401) compared += 1
    }
    assert.equal((await finish(freddy, token, body.email_key, Number(code))).status, 429)
    freddy.pass(30 * MINUTE)
  }
  assert.equal(compared, 8)
  await freddy.signIn(ada)
})

scene(
  'attack 055: a new address gets three mails, and the account pays for them',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    freddy.pass(MINUTE)
    const { body } = await begin(freddy, token)
    const statuses = []
    for (let mail = 0; mail < 3; mail++) {
      await freddy.running.outbox.drain()
      freddy.pass(10 * MINUTE)
      statuses.push((await resend(freddy, body.email_key)).status)
    }
    assert.deepEqual(statuses, [200, 200, 429])
    await freddy.running.outbox.drain()
    assert.equal(mailsTo(freddy, NEW).length, 3)
    for (let count = 0; count < 5; count++) await begin(freddy, token, `n${count}@example.com`)
    assert.equal((await begin(freddy, token, 'more@example.com')).status, 429)
    assert.equal((await freddy.login(ada)).status, 429)
    assert.equal(await isIn(freddy, token), true)
  },
)

scene("a code answers for a quarter of an hour, to its owner's session alone", async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const bob = await freddy.signIn(await freddy.person('bob'))
  const { body } = await begin(freddy, token)
  const code = Number(await freddy.codeFor(NEW))
  for (let count = 0; count < 6; count++) {
    assert.equal((await finish(freddy, bob.token, body.email_key, code)).status, 401)
    assert.equal((await freddy.verify(body.email_key, code)).status, 401)
  }
  assert.equal((await finish(freddy, token, body.email_key, 1234)).status, 422)
  freddy.pass(15 * MINUTE)
  assert.equal((await finish(freddy, token, body.email_key, code)).status, 401)
  assert.equal((await resend(freddy, body.email_key)).status, 200)
  const fresh = Number(await freddy.codeFor(NEW))
  assert.equal((await finish(freddy, token, body.email_key, fresh)).status, 200)
})

scene('a new password, or a reset, ends a change that was begun', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body } = await begin(freddy, token)
  const code = Number(await freddy.codeFor(NEW))
  const change = {
    current_password: ada.password,
    new_password: 'a quite different sentence',
    confirm_password: 'a quite different sentence',
  }
  assert.equal(
    (await freddy.ask('PUT /v1/auth/password/update', { token, body: change })).status,
    200,
  )
  assert.equal((await finish(freddy, token, body.email_key, code)).status, 401)
  assert.equal(await emailOf(freddy, ada), ada.email)
})

scene('what the operator decides is not undone by a letter from before', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await move(freddy, token)
  const path = await linkFor(freddy, ada.email, 'undo-email')
  assert.equal(shellBeside(freddy, ['recover', 'ada', '--email', 'safe@example.com']).status, 0)
  assert.equal((await press(freddy, path)).statusCode, 410)
  assert.equal(await emailOf(freddy, ada), 'safe@example.com')
})

scene("attack 054: odd addresses are refused, and one's own is none", async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  for (const email of [
    'v@ex.com, e@evil.com',
    'nobody',
    '"a b"@ex.com',
    'a@b@c.com',
    'v@[127.0.0.1]',
  ]) {
    const { status, body } = await begin(freddy, token, email)
    assert.equal(status, 422, email)
    assert.equal(body.error.code, 'INVALID_EMAIL_FORMAT')
  }
  const own = await begin(freddy, token, 'ADA@example.com')
  assert.equal(own.body.error.code, 'VALIDATION_ERROR')
})

scene(
  'attack 021: an address that was left is one like any other, and gets no reset',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    await move(freddy, token)
    await freddy.running.outbox.drain()
    freddy.pass(2 * MINUTE)
    const answers = []
    for (const email of [ada.email, 'nobody@example.com']) {
      const { status, body } = await freddy.ask('POST /v1/auth/password/reset', { body: { email } })
      answers.push({ status, ...body, email_key: '' })
    }
    assert.deepEqual(answers[0], answers[1])
    const before = freddy.mail.mails.length
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, before)
  },
)

scene('the way back mails a new password, whatever strangers asked for before', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await move(freddy, token)
  const path = await linkFor(freddy, ada.email, 'undo-email')
  await freddy.ask('POST /v1/auth/password/reset', { body: { email: ada.email } })
  assert.equal((await press(freddy, path)).statusCode, 200)
  const form = 'new_password=a quite different sentence'
  const reset = await linkFor(freddy, ada.email, 'reset')
  assert.equal((await press(freddy, reset, form)).statusCode, 200)
})
