import assert from 'node:assert/strict'
import { Authenticator, type Lie } from './authenticator.ts'
import { type Freddy, MINUTE, type Person, scene } from './freddy.ts'

const passkeys = '/v1/user/factors/passkeys'

async function begin(freddy: Freddy, token: string) {
  const { status, body, text } = await freddy.ask(`POST ${passkeys}/options`, { token })
  assert.equal(status, 200, text)
  return body
}

const add = (freddy: Freddy, token: string, passkey: object, name = 'my laptop') =>
  freddy.ask(`POST ${passkeys}`, { token, body: { name, passkey } })

/** Adds a passkey. */
async function enrol(freddy: Freddy, who: Person) {
  const { token } = await freddy.signIn(who)
  const browser = new Authenticator()
  const added = await add(freddy, token, browser.create(await begin(freddy, token)))
  assert.equal(added.status, 201, added.text)
  return { token, browser, id: String(added.body.id) }
}

async function open(freddy: Freddy, who: Person) {
  const { status, body, text } = await freddy.login(who)
  assert.equal(status, 200, text)
  return { key: String(body.email_key), options: body.passkey, methods: body.methods }
}

const prove = (freddy: Freddy, email_key: string, passkey: object) =>
  freddy.ask('POST /v1/auth/verify', { body: { email_key, method: 'passkey', passkey } })

scene('a passkey is added, signs in, and is removed', async (freddy) => {
  const ada = await freddy.person('ada')
  assert.equal('passkey' in (await freddy.login(ada)).body, false)
  await freddy.running.outbox.drain()
  const { token, browser, id } = await enrol(freddy, ada)
  const state = await freddy.ask('GET /v1/user/factors', { token })
  assert.deepEqual(state.body.methods, ['email', 'passkey'])
  assert.deepEqual(state.body.passkeys, [
    { id, name: 'my laptop', created_at: '2026-11-23T12:00:00.000Z', last_used_at: null },
  ])

  const { key, options, methods } = await open(freddy, ada)
  assert.deepEqual(methods, ['email', 'passkey'])
  assert.equal(options.rpId, 'auth.example.com')
  assert.deepEqual(options.allowCredentials, [
    {
      id: browser.id.toString('base64url'),
      type: 'public-key',
      transports: ['internal', 'hybrid'],
    },
  ])
  const answer = await prove(freddy, key, browser.get(options))
  assert.equal(answer.status, 200, answer.text)
  const claims = JSON.parse(
    Buffer.from(answer.body.token.split('.')[1] ?? '', 'base64url').toString(),
  )
  assert.deepEqual(claims.amr, ['pwd', 'pop'])

  // Letters that go out together arrive in any order.
  await freddy.running.outbox.drain()
  const remove = () => freddy.ask(`DELETE ${passkeys}/${id}`, { token: answer.body.token })
  assert.deepEqual((await remove()).body, { id, object: 'passkey', deleted: true })
  assert.equal((await remove()).status, 404)
  const later = await open(freddy, ada)
  assert.deepEqual(later.methods, ['email'])
  assert.equal((await prove(freddy, later.key, browser.get(options))).status, 401)

  await freddy.running.outbox.drain()
  const told = freddy.mail.mails.filter(({ subject }) => subject.startsWith('The ways to sign in'))
  assert.deepEqual(
    told.map(({ raw }) => /A passkey was (\w+)/.exec(raw)?.[1]),
    ['added', 'removed'],
  )
})

scene('what a passkey signed for one sign-in opens no other', async (freddy) => {
  const ada = await freddy.person('ada')
  const { browser } = await enrol(freddy, ada)
  const first = await open(freddy, ada)
  const second = await open(freddy, ada)
  assert.notEqual(first.options.challenge, second.options.challenge)
  assert.equal((await prove(freddy, second.key, browser.get(first.options))).status, 401)
  const proof = browser.get(second.options)
  assert.equal((await prove(freddy, second.key, proof)).status, 200)
  assert.equal((await prove(freddy, second.key, proof)).status, 401)
})

scene('ten at once with what a passkey signed start one session', async (freddy) => {
  const ada = await freddy.person('ada')
  const { browser } = await enrol(freddy, ada)
  const { key, options } = await open(freddy, ada)
  const proof = browser.get(options)
  const answers = await Promise.all(Array.from({ length: 10 }, () => prove(freddy, key, proof)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  const sessions = await freddy.database.read('SELECT id FROM sessions')
  assert.equal(sessions.length, 2)
})

scene('a passkey that counts is refused when its count does not go on', async (freddy) => {
  const ada = await freddy.person('ada')
  const { browser } = await enrol(freddy, ada)
  const { key, options } = await open(freddy, ada)
  assert.equal((await prove(freddy, key, browser.get(options, { counter: 7 }))).status, 200)
  const next = await open(freddy, ada)
  for (const counter of [7, 6, 0]) {
    assert.equal(
      (await prove(freddy, next.key, browser.get(next.options, { counter }))).status,
      401,
    )
  }
  assert.equal(
    (await prove(freddy, next.key, browser.get(next.options, { counter: 8 }))).status,
    200,
  )
})

scene('a passkey that counts nothing signs in again and again', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const browser = new Authenticator()
  const made = browser.create(await begin(freddy, token), { counter: 0 })
  assert.equal((await add(freddy, token, made)).status, 201)
  for (let count = 0; count < 3; count++) {
    const { key, options } = await open(freddy, ada)
    const answer = await prove(freddy, key, browser.get(options, { counter: 0 }))
    assert.equal(answer.status, 200, answer.text)
  }
})

const lies: readonly Lie[] = [
  { origin: 'https://auth.example.com.evil.example' },
  { origin: 'http://auth.example.com' },
  { site: 'example.com' },
  { challenge: Buffer.alloc(32, 7).toString('base64url') },
  { type: 'payment.get' },
  { absent: true },
  { unverified: true },
]

scene('a passkey is for this site, this moment and a person who is there', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, browser } = await enrol(freddy, ada)
  let guesses = 0
  let { key, options } = await open(freddy, ada)
  for (const lie of lies) {
    if (guesses++ === 3) ({ key, options } = await open(freddy, ada))
    const answer = await prove(freddy, key, browser.get(options, lie))
    assert.equal(answer.status, 401, JSON.stringify(lie))
  }
  assert.equal((await prove(freddy, key, browser.get(options))).status, 200)

  const more: readonly Lie[] = [...lies, { format: 'packed' }, { format: 'tpm' }]
  for (const lie of more) {
    const refused = await add(
      freddy,
      token,
      new Authenticator().create(await begin(freddy, token), lie),
    )
    assert.equal(refused.status, 422, JSON.stringify(lie))
    assert.equal(refused.body.error.param, 'passkey')
  }
})

scene('a wrong passkey spends the guesses of all methods', async (freddy) => {
  const ada = await freddy.person('ada')
  const { browser } = await enrol(freddy, ada)
  const { key, options } = await open(freddy, ada)
  const code = await freddy.codeFor(ada.email)
  for (let count = 0; count < 5; count++) {
    assert.equal((await prove(freddy, key, new Authenticator().get(options))).status, 401)
  }
  assert.equal((await prove(freddy, key, browser.get(options))).status, 429)
  assert.equal((await freddy.verify(key, Number(code))).status, 429)
})

scene("another person's passkey proves nothing", async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { browser } = await enrol(freddy, ada)
  const bobs = await enrol(freddy, bob)
  const { key, options } = await open(freddy, bob)
  assert.equal((await prove(freddy, key, browser.get(options))).status, 401)
  const taken = browser.create(await begin(freddy, bobs.token))
  assert.equal((await add(freddy, bobs.token, taken)).status, 422)
  const removed = await freddy.ask(`DELETE ${passkeys}/${bobs.id}`, {
    token: (await freddy.signIn(ada)).token,
  })
  assert.equal(removed.status, 404)
})

scene('an enrolment is for five minutes, for one passkey and for its person', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const { token } = await freddy.signIn(ada)
  const bobs = (await freddy.signIn(bob)).token
  const options = await begin(freddy, token)
  assert.equal((await add(freddy, bobs, new Authenticator().create(options))).status, 422)
  const both = await Promise.all(
    Array.from({ length: 4 }, () => add(freddy, token, new Authenticator().create(options))),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 422, 422, 422])
  const late = await begin(freddy, token)
  freddy.pass(5 * MINUTE)
  assert.equal((await add(freddy, token, new Authenticator().create(late))).status, 422)
})

scene('a person has twenty passkeys at most', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  for (let count = 0; count < 20; count++) {
    const made = new Authenticator().create(await begin(freddy, token))
    assert.equal((await add(freddy, token, made)).status, 201)
  }
  const over = await add(freddy, token, new Authenticator().create(await begin(freddy, token)))
  assert.equal(over.status, 422)
  assert.match(over.text, /one too many/)
})

scene('a session ten minutes old, or by a recovery code, adds no passkey', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, id } = await enrol(freddy, ada)
  const paper = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  const { key } = await open(freddy, ada)
  const weak = await freddy.ask('POST /v1/auth/verify', {
    body: { email_key: key, method: 'recovery_code', recovery_code: paper.body.recovery_codes[0] },
  })
  const options = await begin(freddy, token)
  const refusedFor = async (stale: string, reason: string) => {
    for (const answer of [
      await freddy.ask(`POST ${passkeys}/options`, { token: stale }),
      await add(freddy, stale, new Authenticator().create(options)),
      await freddy.ask(`DELETE ${passkeys}/${id}`, { token: stale }),
    ]) {
      assert.equal(answer.status, 403, answer.text)
      assert.equal(answer.body.error.details.reason, reason)
    }
  }
  await refusedFor(weak.body.token, 'recovery_session')
  freddy.pass(10 * MINUTE)
  await refusedFor(token, 'sign_in_again')
})

scene('what is no answer of a browser spends no guess', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, browser } = await enrol(freddy, ada)
  const { key, options } = await open(freddy, ada)
  const proof = browser.get(options)
  for (const odd of [null, [], {}, 'x', { ...proof, id: 'ä' }, { ...proof, more: 1 }]) {
    const answer = await prove(freddy, key, odd as object)
    assert.equal(answer.status, 422, JSON.stringify(odd))
  }
  const both = await freddy.ask('POST /v1/auth/verify', {
    body: { email_key: key, method: 'passkey', passkey: proof, verification_code: 2290 },
  })
  assert.equal(both.status, 422)
  assert.equal((await prove(freddy, key, proof)).status, 200)
  for (const odd of ['<b>http://evil.example</b>', ' ', 'a\nb']) {
    const made = browser.create(await begin(freddy, token))
    assert.equal((await add(freddy, token, made, odd)).status, 422, odd)
  }
})
