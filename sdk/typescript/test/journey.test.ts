import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR, PASSWORD, scene, wrongCode } from '../../../server/test/freddy.ts'
import {
  ApiKeyError,
  FreddyAuth,
  InvalidCodeError,
  InvalidCredentialsError,
  InvalidRequestError,
  memoryStore,
  NotFoundError,
  NotSignedInError,
  PermissionDeniedError,
  RateLimitError,
  SessionEndedError,
} from '../src/index.ts'
import { baseUrlOf, clientOf, signedIn, timesOf } from './server.ts'

const HELLO = [{ role: 'user', content: 'Hello there' }]

scene('a new person registers, asks a model, makes a key and leaves', async (freddy) => {
  const auth = await clientOf(freddy)
  const email = 'ada@example.com'
  const emailKey = await auth.register(email, PASSWORD, { user_name: 'ada' })
  assert.equal((await auth.challenge(emailKey)).type, 'registration')
  const verified = await auth.verify(emailKey, await freddy.codeFor(email))
  assert.deepEqual(
    [verified.user.email, verified.token_type, verified.expires_in],
    [email, 'bearer', 86_400],
  )
  assert.equal((await auth.me()).username, 'ada')
  const answer = await auth.createResponse('echo-1', HELLO, { fields: { temperature: 0 } })
  assert.equal(answer.output_text, 'Hello there')

  const made = await auth.apiKeys.create({ name: 'laptop', scopes: ['responses'] })
  const program = await clientOf(freddy, { apiKey: made.key })
  assert.equal((await program.createResponse('echo-1', HELLO)).output_text, 'Hello there')
  await assert.rejects(program.me(), PermissionDeniedError)
  await assert.rejects(program.apiKeys.list(), PermissionDeniedError)
  assert.equal((await auth.apiKeys.get(made.id)).status, 'active')
  await auth.apiKeys.revoke(made.id)
  await assert.rejects(program.createResponse('echo-1', HELLO), ApiKeyError)
  await assert.rejects(auth.apiKeys.get(`key_${'0'.repeat(32)}`), NotFoundError)

  const { Authorization = '' } = auth.getHeaders()
  await auth.logout()
  assert.equal(await auth.restore(), false)
  assert.throws(() => auth.getHeaders(), NotSignedInError)
  const old = await freddy.ask('GET /v1/user/me', { headers: { authorization: Authorization } })
  assert.equal(old.status, 401)
})

scene('keys come in pages', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  for (const name of ['one', 'two', 'three']) await auth.apiKeys.create({ name })
  const first = await auth.apiKeys.list({ limit: 2 })
  const last = first.data.at(-1)
  assert.ok(last && first.has_more && first.data.length === 2)
  const second = await auth.apiKeys.list({ limit: 2, after: last.id })
  assert.equal(second.has_more, false)
  assert.deepEqual(
    new Set([...first.data, ...second.data].map(({ name }) => name)),
    new Set(['one', 'two', 'three']),
  )
})

scene('a key is narrowed, paused, resumed and given another secret', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  const { id, key } = await auth.apiKeys.create({
    name: 'ci',
    models: ['echo-*'],
    limits: { requests_per_day: 50 },
    labels: { team: 'tools' },
  })
  const program = await clientOf(freddy, { apiKey: key })
  const own = await program.apiKeys.own()
  assert.deepEqual([own.id, own.models, own.limits.requests_per_day], [id, ['echo-*'], 50])
  assert.ok((own.remaining.requests_per_day?.left ?? 50) < 50)

  assert.equal((await auth.apiKeys.change(id, { name: 'builds' })).name, 'builds')
  assert.equal((await auth.apiKeys.pause(id)).status, 'paused')
  await assert.rejects(program.models(), (error) => {
    assert.ok(error instanceof ApiKeyError)
    assert.equal(error.code, 'API_KEY_PAUSED')
    return true
  })
  assert.equal((await auth.apiKeys.resume(id)).status, 'active')
  const next = await auth.apiKeys.rotate(id, { overlap_days: 1, end_when_silent: 7200 })
  assert.notEqual(next.key, key)
  assert.equal((await program.models()).object, 'list', 'the old secret goes on')
  assert.equal((await auth.apiKeys.get(id)).old_secret?.end_when_silent, 7200)
})

scene('a day later ten calls renew the token once', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  freddy.pass(25 * HOUR)
  const asked = Array.from({ length: 10 }, () => auth.createResponse('echo-1', HELLO))
  for (const { output_text } of await Promise.all(asked)) assert.equal(output_text, 'Hello there')
  assert.equal(await timesOf(freddy, 'session.refreshed'), 1)
})

scene('two processes with one store rotate, and neither is signed out', async (freddy) => {
  const store = memoryStore()
  const one = await signedIn(freddy, await freddy.person('ada'), { store, rotate: true })
  const other = await clientOf(freddy, { store, rotate: true })
  assert.equal(await other.restore(), true)
  for (let day = 0; day < 3; day++) {
    freddy.pass(25 * HOUR)
    const both = await Promise.all([one.me(), other.me()])
    assert.deepEqual(
      both.map(({ username }) => username),
      ['ada', 'ada'],
    )
  }
})

scene('a person sees where they are signed in and ends it there', async (freddy) => {
  const ada = await freddy.person('ada')
  const here = await signedIn(freddy, ada)
  const there = await signedIn(freddy, ada)
  const other = (await here.sessions.list()).data.find(({ current }) => !current)
  assert.ok(other)
  await here.sessions.revoke(other.id)
  await assert.rejects(there.me(), (error) => {
    assert.ok(error instanceof SessionEndedError)
    assert.equal(error.reason, 'signed_out_elsewhere')
    return true
  })
  const { decisions, end_reason } = await here.sessions.get(other.id)
  assert.equal(end_reason, 'signed_out_elsewhere')
  assert.equal(decisions[0]?.by, 'you')
  const ended = await here.sessions.list({ state: 'ended' })
  assert.deepEqual(
    ended.data.map(({ id }) => id),
    [other.id],
  )
  await signedIn(freddy, ada)
  assert.equal(await here.sessions.revokeOthers(), 1)
  assert.equal((await here.me()).username, 'ada')
})

scene('a person sees what was asked of models, and how one call was booked', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  await auth.createResponse('echo-1', HELLO)
  const { key } = await auth.apiKeys.create({ name: 'ci', scopes: ['responses', 'usage:read'] })
  const program = await clientOf(freddy, { apiKey: key })
  freddy.pass(1000)
  await program.createResponse('echo-1', HELLO)
  const { total, data } = await auth.usage.show({ by: 'model' })
  assert.deepEqual([total.calls, data[0]?.model, data[0]?.calls], [2, 'echo-1', 2])
  assert.ok(total.input_tokens > 0 && total.output_tokens > 0)
  assert.equal((await program.usage.show()).total.calls, 1, 'a key sees its own')
  const [last] = (await auth.usage.list({ limit: 1 })).data
  assert.ok(last?.key)
  const story = await auth.usage.explain(last.request_id)
  assert.equal(story.outcome, last.outcome)
  assert.ok(story.sentence)
})

scene('each refusal of the steps of signing in is an error of its own', async (freddy) => {
  const ada = await freddy.person('ada')
  const auth = await clientOf(freddy)
  await assert.rejects(auth.login('ada', 'not my password'), InvalidCredentialsError)
  const emailKey = await auth.login('ada', PASSWORD)
  const code = await freddy.codeFor(ada.email)
  await assert.rejects(auth.verify(emailKey, wrongCode(code)), InvalidCodeError)
  await assert.rejects(auth.verify(emailKey, 'seven'), (error) => {
    assert.ok(error instanceof InvalidRequestError)
    assert.equal(error.fields[0]?.field, 'verification_code')
    return true
  })
  await assert.rejects(auth.resend(emailKey), (error) => {
    assert.ok(error instanceof RateLimitError)
    assert.equal(error.retryAfter, 60)
    assert.match(String(error.requestId), /^req_/)
    return true
  })
  freddy.pass(61_000)
  assert.equal((await auth.resend(emailKey)).type, 'login')
  await auth.verify(emailKey, Number(await freddy.codeFor(ada.email)))
})

scene(
  'a forgotten password is replaced, and older sessions hear why they ended',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const old = await signedIn(freddy, ada)
    const auth = await clientOf(freddy)
    const emailKey = await auth.forgotPassword(ada.email)
    await auth.resetPassword(emailKey, await freddy.codeFor(ada.email), 'another long sentence')
    await assert.rejects(old.me(), (error) => {
      assert.ok(error instanceof SessionEndedError)
      assert.equal(error.reason, 'password_reset')
      return true
    })
    await signedIn(freddy, { ...ada, password: 'another long sentence' })
  },
)

scene('a known device is sent along with later logins', async (freddy) => {
  const ada = await freddy.person('ada')
  const auth = await signedIn(freddy, ada)
  await auth.logout()
  await auth.login(ada.email, ada.password)
  const rows = await freddy.database.read(
    'SELECT device_id FROM challenges WHERE device_id IS NOT NULL',
  )
  assert.equal(rows.length, 1)
})

scene('an answer streams, and leaving the loop leaves the call', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  let text = ''
  for await (const event of auth.createResponse('echo-1', HELLO, { stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta
  }
  assert.equal(text, 'Hello there')
  for await (const _ of auth.createResponse('echo-1', HELLO, { stream: true })) break
})

scene('fetch carries the credential to this server and to no other', async (freddy) => {
  const auth = await signedIn(freddy, await freddy.person('ada'))
  freddy.pass(25 * HOUR)
  const body = JSON.stringify({ model: 'echo-1', input: 'By hand' })
  const headers = { 'content-type': 'application/json' }
  const answer = await auth.fetch('/responses', { method: 'POST', body, headers })
  assert.match(await answer.text(), /"output_text":"By hand"/)
  const whole = await auth.fetch(new Request(`${await baseUrlOf(freddy)}/user/me`))
  assert.equal(whole.status, 200)
  assert.equal((await auth.fetch('/nothing')).status, 404)
  await assert.rejects(auth.fetch('http://127.0.0.1:9/v1/user/me'), /is not for/)

  const wrong = JSON.stringify({
    current_password: 'not mine',
    new_password: 'another long sentence',
    confirm_password: 'another long sentence',
  })
  const before = await timesOf(freddy, 'session.refreshed')
  const refusal = await auth.fetch('/auth/password/update', { method: 'PUT', body: wrong, headers })
  assert.match(await refusal.text(), /INVALID_CREDENTIALS/)
  assert.equal(await timesOf(freddy, 'session.refreshed'), before, 'no token mends a password')
})

test('an address that is none is told at once, and a slash at the end does no harm', async () => {
  assert.throws(() => new FreddyAuth('localhost'), /is not an address/)
  const asked: string[] = []
  const auth = new FreddyAuth({
    baseUrl: 'http://localhost:3000/v1/',
    fetch: async (input) => {
      asked.push(String(input))
      return Response.json({ email_key: 'uuid-1' })
    },
  })
  await auth.login('ada', PASSWORD)
  assert.deepEqual(asked, ['http://localhost:3000/v1/auth/login'])
})

test('an API key and a cookie have nothing to sign in and nothing to refresh', async () => {
  for (const kind of [{ apiKey: 'ak_0' }, { store: 'cookie' }] as const) {
    const auth = new FreddyAuth({ baseUrl: 'http://127.0.0.1:9/v1', ...kind })
    assert.equal(await auth.restore(), true)
    await assert.rejects(auth.login('ada', PASSWORD), /send people to \/sign-in/)
    await assert.rejects(auth.verify('uuid-1', 2290), /send people to \/sign-in/)
    await assert.rejects(auth.refresh(), NotSignedInError)
  }
})
