import assert from 'node:assert/strict'
import { type Ask, DAY, type Freddy, MINUTE, type Person, scene } from './freddy.ts'
import { linkFor, press } from './mailed-links.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const NEWER = 'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0'
const HOME = '192.0.2.1'
const AWAY = '203.0.113.9'
const ORIGIN = 'https://auth.example.com'

const at = (from: string, agent = FIREFOX): Ask => ({ from, headers: { 'user-agent': agent } })

/** The mails to a person that carry no code, by the beginning of their subject. */
async function lettersTo({ running, mail }: Freddy, { email }: Person, subject: string) {
  await running.outbox.drain()
  return mail.mails
    .filter(({ envelope }) => envelope.to.includes(email))
    .filter((letter) => letter.subject.startsWith(subject))
    .map(({ raw }) => raw.replace(/=\r\n/g, ''))
}
const newDevice = (freddy: Freddy, who: Person) => lettersTo(freddy, who, 'A new device')

/** Presses the button behind the "this was not me" link of a letter. */
async function disown(freddy: Freddy, letter: string): Promise<void> {
  const [, url = ''] = /(\/account\/not-me\/[\w-]{22})/.exec(letter) ?? []
  const type = 'application/x-www-form-urlencoded'
  const headers = { host: 'localhost', origin: ORIGIN, 'content-type': type }
  const { http } = freddy.running
  const answer = await http.inject({ method: 'POST', url, headers, payload: '' })
  assert.equal(answer.statusCode, 200, url)
}

async function resetPassword(freddy: Freddy, { email }: Person, password: string): Promise<void> {
  const [link = ''] = (await lettersTo(freddy, { email } as Person, ''))
    .flatMap((text) => text.match(/\/account\/reset\/[\w-]{22}/g) ?? [])
    .slice(-1)
  const answer = await freddy.running.http.inject({
    method: 'POST',
    url: link,
    headers: {
      host: 'localhost',
      origin: ORIGIN,
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: new URLSearchParams({ new_password: password }).toString(),
  })
  assert.equal(answer.statusCode, 200, answer.body)
}

scene(
  'attack 046: a sign-in at a new place is one mail, and the next ones none',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.signIn(ada, at(HOME))
    await freddy.signIn(ada, at(HOME))
    freddy.pass(MINUTE)
    assert.deepEqual(await newDevice(freddy, ada), [], 'the first sign-in of all is nobody’s else')

    await freddy.signIn(ada, at(AWAY))
    const [letter = ''] = await newDevice(freddy, ada)
    assert.match(letter, /203\.0\.113\.9, with Firefox on Linux/)
    assert.match(letter, /2026-11-23 12:01 UTC/)
    freddy.pass(DAY)
    await freddy.signIn(ada, at(AWAY))
    await freddy.signIn(ada, at('203.0.77.1', NEWER))
    await freddy.signIn(ada, at(HOME, NEWER))
    assert.equal((await newDevice(freddy, ada)).length, 1)

    freddy.pass(DAY)
    await freddy.signIn(ada, at(AWAY, 'curl/8.5'))
    assert.equal((await newDevice(freddy, ada)).length, 2, 'another program is another device')
  },
)

scene('attack 046: whoever presses "not me" is rid of the stranger', async (freddy) => {
  const ada = await freddy.person('ada')
  const home = await freddy.signIn(ada, at(HOME))
  const { token } = await freddy.signIn(ada, at(AWAY))
  const [letter = ''] = await newDevice(freddy, ada)
  await disown(freddy, letter)
  for (const gone of [token, home.token])
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token: gone })).status, 401)

  await resetPassword(freddy, ada, 'a quite different sentence')
  freddy.pass(DAY)
  await freddy.signIn({ ...ada, password: 'a quite different sentence' }, at(AWAY))
  assert.equal((await newDevice(freddy, ada)).length, 2, 'the place of a stranger is not known')
})

scene(
  'attack 046: nor is the place of who moved the account to another address',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.signIn(ada, at(HOME))
    const { token } = await freddy.signIn(ada, at(AWAY))
    const moved = { ...ada, email: 'thief@example.com' }
    const { body } = await freddy.ask('POST /v1/user/email', {
      token,
      body: { new_email: moved.email, current_password: ada.password },
    })
    const verification_code = Number(await freddy.codeFor(moved.email))
    const done = await freddy.ask('POST /v1/user/email/verify', {
      token,
      body: { email_key: body.email_key, verification_code },
    })
    assert.equal(done.status, 200, done.text)
    const undo = await linkFor(freddy, ada.email, 'undo-email')
    assert.equal((await press(freddy, undo)).statusCode, 200)

    await resetPassword(freddy, ada, 'a quite different sentence')
    freddy.pass(DAY)
    const before = (await newDevice(freddy, ada)).length
    await freddy.signIn({ ...ada, password: 'a quite different sentence' }, at(AWAY))
    assert.equal((await newDevice(freddy, ada)).length, before + 1)
  },
)

scene('a device that is known is new nowhere', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_token } = await freddy.signIn(ada, at(HOME))
  const { body } = await freddy.ask('POST /v1/auth/login', {
    ...at(AWAY, 'curl/8.5'),
    body: { email_or_username: ada.email, password: ada.password, device_token },
  })
  const code = Number(await freddy.codeFor(ada.email))
  const answer = await freddy.verify(body.email_key, code, at(AWAY, 'curl/8.5'))
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(await newDevice(freddy, ada), [])
})

scene('attack 046: two sign-ins at one new place at once are one mail', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.signIn(ada, at(HOME))
  const keys = []
  for (let count = 0; count < 2; count++) {
    const { body } = await freddy.login(ada, at(AWAY))
    keys.push({ key: body.email_key, code: Number(await freddy.codeFor(ada.email)) })
  }
  const answers = await Promise.all(keys.map(({ key, code }) => freddy.verify(key, code, at(AWAY))))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  )
  assert.equal((await newDevice(freddy, ada)).length, 1)
})

scene('a place where nobody signed in for ninety days is new again', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.signIn(ada, at(HOME))
  freddy.pass(90 * DAY - 1)
  await freddy.signIn(ada, at(HOME))
  assert.equal((await newDevice(freddy, ada)).length, 0)
  freddy.pass(90 * DAY)
  await freddy.signIn(ada, at(HOME))
  assert.equal((await newDevice(freddy, ada)).length, 1)
})

scene('a session from before places were kept makes its source known', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.signIn(ada, at(HOME))
  await freddy.database.write('UPDATE sessions SET place = NULL')
  await freddy.signIn(ada, at(HOME))
  assert.equal((await newDevice(freddy, ada)).length, 0)
  await freddy.signIn(ada, at(AWAY))
  assert.equal((await newDevice(freddy, ada)).length, 1)
})

scene('one sign-in is told once, whatever else is to be told of it', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada, at(HOME))
  const made = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  const login = await freddy.login(ada, at(AWAY))
  const body = {
    email_key: login.body.email_key,
    method: 'recovery_code',
    recovery_code: made.body.recovery_codes[0],
  }
  const byPaper = await freddy.ask('POST /v1/auth/verify', { ...at(AWAY), body })
  assert.equal(byPaper.status, 200, byPaper.text)
  freddy.pass(MINUTE)
  const begun = await freddy.login(ada, at('198.51.100.1'))
  const code = Number(await freddy.codeFor(ada.email))
  const elsewhere = at('100.64.0.1', 'curl/8.5')
  assert.equal((await freddy.verify(begun.body.email_key, code, elsewhere)).status, 200)

  assert.deepEqual(await newDevice(freddy, ada), [])
  assert.equal((await lettersTo(freddy, ada, 'A new sign-in')).length, 1)
  const factors = await lettersTo(freddy, ada, 'The ways to sign in')
  assert.equal(factors.length, 2)
  await disown(freddy, factors[0] ?? '')
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
})

scene('attack 051: who registers is told nothing, and of the next device all', async (freddy) => {
  const ada = { email: 'ada@example.com', password: 'a long sentence of mine' } as Person
  const register = { email: ada.email, password: ada.password }
  const begun = await freddy.ask('POST /v1/auth/register', { ...at(HOME), body: register })
  const code = Number(await freddy.codeFor(ada.email))
  assert.equal((await freddy.verify(begun.body.email_key, code, at(HOME))).status, 200)
  assert.deepEqual(await newDevice(freddy, ada), [])
  freddy.pass(MINUTE)
  await freddy.signIn(ada, at(AWAY))
  assert.equal((await newDevice(freddy, ada)).length, 1)
})

scene('attack 087: a session that goes on elsewhere is shown, and told once', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, refreshToken, device_id } = await freddy.signIn(ada, at(HOME))
  const refresh = (ask: Ask) =>
    freddy.ask('POST /v1/auth/refresh', { ...ask, body: { refresh_token: refreshToken } })
  const told = () => lettersTo(freddy, ada, 'Your Freddy session')

  for (const own of [at(HOME), at(AWAY), at(HOME, 'curl/8.5')])
    assert.equal((await refresh(own)).status, 200)
  assert.deepEqual(await told(), [], 'a laptop that travels, a program that changed')

  const thief = at(AWAY, 'curl/8.5')
  const answers = await Promise.all([refresh(thief), refresh(thief)])
  for (const { status } of answers) assert.equal(status, 200)
  const [letter = ''] = await told()
  assert.match(letter, /203\.0\.113\.9, with curl/)
  for (let count = 0; count < 3; count++) {
    freddy.pass(DAY)
    await refresh(at(HOME))
    await refresh(thief)
  }
  assert.deepEqual(await told(), [letter])

  const fresh = (await refresh(at(HOME))).body.token
  await refresh(thief)
  const { body } = await freddy.ask(`GET /v1/auth/sessions/${device_id}`, { token: fresh })
  assert.deepEqual(
    [body.network, body.device_name, body.last_seen_network, body.last_seen_with],
    [HOME, 'Firefox on Linux', AWAY, 'curl'],
  )
  await disown(freddy, letter)
  for (const who of [at(HOME), thief]) {
    const refused = await refresh(who)
    assert.deepEqual([refused.status, refused.body.error.details.reason], [401, 'not_me'])
  }
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
})

scene('attack 087: a cookie that another browser sends is told too, once', async (freddy) => {
  const ada = await freddy.person('ada')
  const { refreshToken } = await freddy.signIn(ada, at(HOME))
  const cookie = `__Host-freddy-session=${refreshToken}`
  const look = (from: string, agent: string) =>
    freddy.ask('GET /v1/user/me', {
      from,
      headers: { 'user-agent': agent, 'freddy-session': 'cookie', cookie },
    })
  const told = () => lettersTo(freddy, ada, 'Your Freddy session')
  assert.equal((await look(AWAY, NEWER)).status, 200)
  assert.deepEqual(await told(), [])
  for (let count = 0; count < 3; count++) {
    assert.equal((await look(AWAY, 'curl/8.5')).status, 200)
    freddy.pass(1000)
  }
  assert.equal((await told()).length, 1)
})
