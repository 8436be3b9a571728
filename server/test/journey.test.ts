import assert from 'node:assert/strict'
import { HOUR, MINUTE, PASSWORD, scene, wrongCode } from './freddy.ts'

scene('Ada registers, signs in, calls the API, renews and logs out', async (freddy) => {
  const registered = await freddy.ask('POST /v1/auth/register', {
    body: { email: 'Ada@Example.com', password: PASSWORD, user_name: 'ada', full_name: 'Ada L' },
  })
  assert.equal(registered.status, 201, registered.text)
  const first = await freddy.codeFor('ada@example.com')
  assert.equal(first.length, 8)
  const joined = await freddy.verify(registered.body.email_key, Number(first))
  assert.equal(joined.status, 200, joined.text)
  assert.match(joined.body.user.id, /^usr_[0-9a-f]{32}$/)

  freddy.pass(MINUTE)
  const login = await freddy.login({ email: 'ada@example.com' })
  assert.deepEqual(login.body, {
    success: true,
    message: 'Login credentials verified. Please check your email for verification code.',
    email_key: login.body.email_key,
    email: 'ada@example.com',
    requires_verification: true,
    next_step: 'email_verification',
    type: 'login',
    methods: ['email'],
  })
  assert.match(login.body.email_key, /^uuid-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const code = await freddy.codeFor('ada@example.com')
  assert.match(code, /^[1-9]\d{3}$/)
  const { body: tokens } = await freddy.verify(login.body.email_key, Number(code))
  assert.equal(tokens.token_type, 'bearer')
  assert.equal(tokens.expires_in, 86_400)
  assert.equal(tokens.token, tokens.access_token)
  assert.equal(tokens.refreshToken, tokens.refresh_token)
  assert.deepEqual(tokens.user, {
    id: joined.body.user.id,
    email: 'ada@example.com',
    verified: true,
  })

  const asked = await freddy.ask('POST /v1/responses', {
    token: tokens.token,
    body: { model: 'echo-1', messages: [{ role: 'user', content: 'Hello' }] },
  })
  assert.equal(asked.status, 200, asked.text)
  assert.equal(asked.body.output_text, 'Hello')

  freddy.pass(25 * HOUR)
  assert.equal((await freddy.ask('GET /v1/user/me', { token: tokens.token })).status, 401)
  const renewed = await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: tokens.refreshToken },
  })
  assert.equal(renewed.status, 200, renewed.text)
  assert.equal(renewed.body.refreshToken, undefined)
  const me = await freddy.ask('GET /v1/user/me', { token: renewed.body.token })
  assert.equal(me.body.username, 'ada')

  const gone = await freddy.ask('POST /v1/auth/logout', { token: renewed.body.token })
  assert.equal(gone.body.message, 'Successfully logged out')
  assert.equal((await freddy.ask('GET /v1/user/me', { token: renewed.body.token })).status, 401)
  const after = await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: tokens.refreshToken },
  })
  assert.equal(after.status, 401)
})

scene('Ada signs in by her user name, in any case', async (freddy) => {
  const ada = await freddy.person('ada')
  const login = await freddy.login({ as: 'ADA' })
  assert.equal(login.status, 200, login.text)
  const answer = await freddy.verify(login.body.email_key, await freddy.codeFor(ada.email))
  assert.equal(answer.status, 200, answer.text)
})

scene('a wrong password and an unknown name are answered alike', async (freddy) => {
  await freddy.person('ada')
  const wrong = await freddy.login({ email: 'ada@example.com', password: 'not it at all' })
  const nobody = await freddy.login({ email: 'eve@example.com', password: 'not it at all' })
  assert.equal(wrong.status, 401)
  assert.deepEqual(
    { ...wrong.body.error, trace_id: '', timestamp: '' },
    { ...nobody.body.error, trace_id: '', timestamp: '' },
  )
  assert.equal(wrong.body.error.code, 'INVALID_CREDENTIALS')
  assert.equal(wrong.body.error.message, 'Invalid email or password')
  assert.deepEqual(Object.keys(wrong.headers).sort(), Object.keys(nobody.headers).sort())
})

scene('a key makes calls until it is revoked, and nothing but what it is for', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'my laptop' } })
  assert.equal(made.status, 201, made.text)
  assert.match(made.body.key, /^ak_[0-9A-Za-z]{38}$/)
  const ask = (headers: Record<string, string>) =>
    freddy.ask('POST /v1/responses', { headers, body: { model: 'echo-1', input: 'hi' } })
  assert.equal((await ask({ 'api-key': made.body.key })).status, 200)
  assert.equal((await ask({ 'x-api-key': made.body.key })).status, 200)
  assert.equal((await ask({ authorization: `Bearer ${made.body.key}` })).status, 200)
  const me = await freddy.ask('GET /v1/user/me', { headers: { 'api-key': made.body.key } })
  assert.equal(me.status, 403)
  const more = await freddy.ask('POST /v1/api-keys', {
    headers: { 'api-key': made.body.key },
    body: { name: 'another' },
  })
  assert.equal(more.status, 403)
  const list = await freddy.ask('GET /v1/api-keys', { token })
  assert.equal(list.body.data[0].name, 'my laptop')
  assert.equal(list.text.includes(made.body.key), false)
  const gone = await freddy.ask(`DELETE /v1/api-keys/${made.body.id}`, { token })
  assert.equal(gone.status, 200, gone.text)
  assert.equal((await ask({ 'api-key': made.body.key })).status, 401)
})

scene('a resend repeats a young code and replaces an old one', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const first = await freddy.codeFor(ada.email)
  freddy.pass(2 * MINUTE)
  const again = await freddy.ask('POST /v1/auth/resend-email', {
    body: { email_key: body.email_key },
  })
  assert.equal(again.status, 200, again.text)
  assert.equal(again.body.type, 'login')
  assert.equal(await freddy.codeFor(ada.email), first)
  freddy.pass(6 * MINUTE)
  const expired = await freddy.verify(body.email_key, first)
  assert.equal(expired.status, 410)
  assert.equal(expired.body.error.code, 'VERIFICATION_EXPIRED')
  await freddy.ask('POST /v1/auth/resend-code', { body: { email_key: body.email_key } })
  const second = await freddy.codeFor(ada.email)
  assert.equal((await freddy.verify(body.email_key, second)).status, 200)
})

scene('a code starts one session and no second one', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const code = await freddy.codeFor(ada.email)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => freddy.verify(body.email_key, Number(code))),
  )
  const statuses = answers.map((answer) => answer.status).sort()
  assert.deepEqual(statuses, [200, ...Array(19).fill(401)])
})

scene('five wrong codes end a key, and the account notices', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const code = await freddy.codeFor(ada.email)
  for (let guess = 0; guess < 5; guess++) {
    assert.equal((await freddy.verify(body.email_key, wrongCode(code))).status, 401)
  }
  const dead = await freddy.verify(body.email_key, Number(code))
  assert.equal(dead.status, 429)
  assert.equal(dead.body.error.code, 'TOO_MANY_VERIFICATION_ATTEMPTS')
  await freddy.running.outbox.drain()
  assert.ok(freddy.mail.mails.some((mail) => /wrong codes/i.test(mail.subject)))
  const next = await freddy.login(ada)
  assert.equal(next.status, 200, next.text)
  assert.equal((await freddy.codeFor(ada.email)).length, 6)
})
