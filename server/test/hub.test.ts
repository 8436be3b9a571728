import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Secret, TOTP } from 'otpauth'
import { allowed } from '../src/auth/audit.ts'
import { inviteFirst, openSetup } from '../src/auth/setup.ts'
import { type BrowserWindow, openWindow } from './browser-window.ts'
import { type Freddy, MINUTE, PASSWORD, type Person, scene, wrongCode } from './freddy.ts'

const SESSION = '__Host-freddy-session'
const SHELL = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const asPage = { 'freddy-session': 'cookie' }

async function begin(window: BrowserWindow, ada: Person, next = ''): Promise<void> {
  const fields = { email_or_username: ada.email, password: ada.password }
  const asked = await window.post(`/sign-in${next}`, fields)
  assert.equal(asked.status, 303, asked.text)
  assert.match(asked.location, /^\/sign-in\/code/)
}

async function enter(freddy: Freddy, ada: Person): Promise<BrowserWindow> {
  const window = openWindow(freddy)
  await begin(window, ada)
  const code = await freddy.codeFor(ada.email)
  const entered = await window.post('/sign-in/code', { verification_code: code })
  assert.equal(entered.status, 303, entered.text)
  assert.equal(entered.location, '/hub')
  return window
}

scene('somebody signs in without a script and gets to the page they wanted', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = openWindow(freddy)
  const wanted = await window.get('/freddy/api')
  assert.equal(wanted.location, '/hub/keys')
  const refused = await window.get('/hub/keys')
  assert.equal(refused.location, '/sign-in?next=%2Fhub%2Fkeys')

  const page = await window.get(refused.location)
  assert.match(page.text, /autocomplete="username webauthn"/)
  assert.match(page.text, /autocomplete="current-password"/)
  await begin(window, ada, '?next=%2Fhub%2Fkeys')
  const asking = await window.get('/sign-in/code?next=%2Fhub%2Fkeys')
  assert.match(asking.text, /inputmode="numeric"/)
  assert.match(asking.text, /autocomplete="one-time-code"/)
  assert.ok(asking.text.includes(ada.email))

  const code = await freddy.codeFor(ada.email)
  const spaced = `${code.slice(0, 2)} ${code.slice(2)}-`
  const entered = await window.post('/sign-in/code?next=%2Fhub%2Fkeys', {
    verification_code: spaced,
  })
  assert.equal(entered.location, '/hub/keys')
  const again = { verification_code: spaced }
  const twice = await window.post('/sign-in/code?next=%2Fhub%2Fkeys', again)
  assert.equal(twice.location, '/hub/keys', 'who is in goes on')
  const shell = await window.get('/hub/keys')
  assert.equal(shell.status, 200)
  assert.match(shell.text, /<div id="hub">/)
})

scene('attack 115: no cookie is for scripts, other sites or plain HTTP', async (freddy) => {
  const window = await enter(freddy, await freddy.person('ada'))
  const again = await window.get('/sign-in')
  assert.equal(again.location, '/hub')
  const answer = await openWindow(freddy).post('/language', { language: 'de' })
  const cookie = String(answer.headers['set-cookie'])
  for (const part of ['__Host-', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']) {
    assert.ok(cookie.includes(part), cookie)
  }
  assert.ok(window.cookies.has(SESSION))
  for (const name of window.cookies.keys()) assert.match(name, /^__Host-freddy-/)
})

scene('attack 115: a cookie alone opens nothing, and neither does another site', async (freddy) => {
  const window = await enter(freddy, await freddy.person('ada'))
  assert.equal((await window.get('/v1/user/me')).status, 401)
  assert.equal((await window.get('/v1/user/me', asPage)).status, 200)

  const ask = (headers: Record<string, string>) =>
    freddy.ask('POST /v1/api-keys', {
      from: '203.0.113.7',
      body: { name: 'Laptop' },
      headers: { cookie: `${SESSION}=${window.cookies.get(SESSION)}`, ...headers },
    })
  const ours = { origin: 'https://auth.example.com' }
  assert.equal((await ask(ours)).status, 401)
  assert.equal((await ask(asPage)).status, 403)
  assert.equal((await ask({ ...asPage, origin: 'https://evil.example' })).status, 403)
  assert.equal((await ask({ ...asPage, origin: 'http://auth.example.com' })).status, 403)
  assert.equal((await ask({ ...asPage, origin: 'null' })).status, 403)
  assert.equal((await ask({ ...asPage, ...ours, 'api-key': 'ak_x' })).status, 400)
  assert.equal((await ask({ ...asPage, ...ours })).status, 201)

  const doors = ['/sign-in', '/sign-in/code', '/sign-in/code/resend', '/register', '/forgot']
  for (const path of [...doors, '/setup', '/sign-out', '/language']) {
    const forged = await window.post(path, {}, { origin: 'https://evil.example' })
    assert.equal(forged.status, 403, path)
  }
})

scene(
  'an access token is no cookie, and a replaced refresh token is none any more',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const window = openWindow(freddy)
    const { token, refreshToken } = await freddy.signIn(ada)
    window.cookies.set(SESSION, token)
    assert.equal((await window.get('/v1/user/me', asPage)).status, 401)
    assert.equal(window.cookies.has(SESSION), false)

    window.cookies.set(SESSION, refreshToken)
    assert.equal((await window.get('/v1/user/me', asPage)).status, 200)
    const body = { refresh_token: refreshToken, rotate: true }
    assert.equal((await freddy.ask('POST /v1/auth/refresh', { body })).status, 200)
    freddy.pass(MINUTE)
    assert.equal((await window.get('/v1/user/me', asPage)).status, 401)
  },
)

scene('a deep link never leaves this server', async (freddy) => {
  const ada = await freddy.person('ada')
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/%0d%0ax']) {
    const window = openWindow(freddy)
    freddy.pass(10 * MINUTE)
    const query = `?next=${encodeURIComponent(next)}`
    await window.post(`/sign-in${query}`, {
      email_or_username: ada.email,
      password: ada.password,
    })
    const verification_code = await freddy.codeFor(ada.email)
    const entered = await window.post(`/sign-in/code${query}`, { verification_code })
    assert.equal(entered.location, next.startsWith('/%') ? next : '/hub')
  }
  const window = openWindow(freddy)
  const spoken = await window.post(
    '/language',
    { language: 'fr' },
    { referer: 'https://evil.example/x' },
  )
  assert.equal(spoken.location, '/sign-in')
})

scene(
  'attack 116: a hostile name is text, and every page forbids what is not ours',
  async (freddy) => {
    const window = openWindow(freddy)
    const hostile = '"><script>alert(1)</script>'
    const page = await window.post('/sign-in', { email_or_username: hostile, password: 'x' })
    assert.equal(page.status, 401)
    assert.equal(page.text.includes('<script>alert'), false)
    for (const path of ['/sign-in', '/register', '/forgot', '/setup?t=x']) {
      const { headers, text } = await window.get(path)
      assert.doesNotMatch(text, /\{\w+\}/, path)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/)
      assert.equal(policy.includes('unsafe'), false)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(String(headers['strict-transport-security']), /max-age=31536000/)
    }
  },
)

scene('wrong tries say what to do, and five wrong codes end the attempt', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = openWindow(freddy)
  const fields = { email_or_username: ada.email, password: 'not the password' }
  const refused = await window.post('/sign-in', fields)
  assert.equal(refused.status, 401)
  assert.ok(refused.headers['www-authenticate'])
  assert.match(refused.text, /role="alert"[^>]*>That address or name and password/)
  assert.ok(refused.text.includes(`value="${ada.email}"`))
  assert.equal(refused.text.includes('not the password'), false)

  await begin(window, ada)
  const code = await freddy.codeFor(ada.email)
  const guess = { verification_code: String(wrongCode(code)) }
  for (let tries = 0; tries < 5; tries++) {
    assert.equal((await window.post('/sign-in/code', guess)).status, 401)
  }
  const over = await window.post('/sign-in/code', { verification_code: code })
  assert.match(over.text, /start again/i)
  assert.equal(window.cookies.has('__Host-freddy-challenge'), false)
  assert.equal(window.cookies.has(SESSION), false)
})

scene('the page tells how the mail fares and sends another one', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = openWindow(freddy)
  await begin(window, ada)
  await freddy.codeFor(ada.email)
  const mail = JSON.parse((await window.get('/sign-in/code/mail')).text)
  assert.deepEqual([mail.waitSeconds, mail.mayResend], [60, true])
  assert.match(mail.state, /handed to its mail server/)
  assert.equal((await window.post('/sign-in/code/resend')).status, 429)
  freddy.pass(MINUTE)
  const again = await window.post('/sign-in/code/resend')
  assert.equal(again.location, '/sign-in/code?sent=1')
  assert.match((await window.get(again.location)).text, /Another mail is on its way/)
})

scene(
  'attack 113: no page gives away the word of the inbox',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const window = openWindow(freddy, 'localhost:3000')
    await begin(window, ada)
    await freddy.running.outbox.drain()
    for (const path of [
      '/sign-in',
      '/sign-in/code',
      '/sign-in/code/mail',
      '/register',
      '/forgot',
    ]) {
      const page = await window.get(path)
      assert.equal(page.status, 200, path)
      assert.equal(page.text.includes(String(freddy.running.inbox?.word)), false, path)
    }
    assert.match((await window.get('/sign-in/code')).text, /the code stands in its terminal/)
  },
  { env: { SMTP_URL: '', PUBLIC_URL: 'http://localhost:3000' } },
)

scene('an authenticator app and a recovery code pass the second step', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { secret } = (await freddy.ask('POST /v1/user/factors/totp', { token })).body
  const code = () => TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: freddy.now() })
  await freddy.ask('POST /v1/user/factors/totp/confirm', {
    token,
    body: { verification_code: code() },
  })
  const made = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  freddy.pass(MINUTE)

  const window = openWindow(freddy)
  await begin(window, ada)
  const page = await window.get('/sign-in/code?method=totp')
  assert.match(page.text, /name="method" value="totp"/)
  const wrong = await window.post('/sign-in/code', { method: 'totp', verification_code: '000000' })
  assert.equal(wrong.status, 401)
  assert.match(wrong.text, /name="method" value="totp"/)
  const fields = { method: 'totp', verification_code: code() }
  assert.equal((await window.post('/sign-in/code', fields)).location, '/hub')

  const other = openWindow(freddy)
  await begin(other, ada)
  const [recovery = ''] = made.body.recovery_codes
  const paper = { method: 'recovery_code', recovery_code: recovery }
  assert.equal((await other.post('/sign-in/code', paper)).location, '/hub')
})

scene('somebody registers, signs out, and comes back with a new password', async (freddy) => {
  const window = openWindow(freddy)
  const fields = { email: 'bea@example.com', password: PASSWORD, full_name: '' }
  const weak = await window.post('/register', { ...fields, password: 'password' })
  assert.equal(weak.status, 422)
  assert.match(weak.text, /easy to guess/)
  assert.equal((await window.post('/register', fields)).location, '/sign-in/code')
  const first = await freddy.codeFor(fields.email)
  assert.equal((await window.post('/sign-in/code', { verification_code: first })).location, '/hub')

  const cookie = String(window.cookies.get(SESSION))
  assert.equal((await window.post('/sign-out')).location, '/sign-in?told=signedOut')
  assert.equal(window.cookies.has(SESSION), false)
  window.cookies.set(SESSION, cookie)
  assert.equal((await window.get('/v1/user/me', asPage)).status, 401)

  freddy.pass(5 * MINUTE)
  assert.equal((await window.post('/forgot', { email: fields.email })).location, '/sign-in/code')
  const asking = await window.get('/sign-in/code')
  assert.match(asking.text, /8 characters or more/)
  assert.doesNotMatch(asking.text.replace(/data-text="[^"]*"/, ''), /\{\w+\}/)
  const code = await freddy.codeFor(fields.email)
  const reset = { verification_code: code, new_password: 'another sentence of mine' }
  const changed = await window.post('/sign-in/code', reset)
  assert.equal(changed.location, '/sign-in?told=changed', changed.text)
  assert.match((await window.get(changed.location)).text, /Your password is changed/)
})

scene(
  'the set-up link makes the first admin, once, for a quarter of an hour',
  async (freddy) => {
    const { app } = freddy.running
    const window = openWindow(freddy)
    const fields = { email: 'ada@example.com', password: PASSWORD }
    assert.equal((await window.post('/setup?t=guessed', fields)).status, 410)

    const late = `/setup?t=${await openSetup(app, freddy.now())}`
    assert.equal((await window.get(late)).status, 200)
    freddy.pass(15 * MINUTE)
    assert.equal((await window.post(late, fields)).status, 410)

    const link = `/setup?t=${await openSetup(app, freddy.now())}`
    assert.equal((await window.get(late)).status, 410)
    assert.equal((await window.post(link, fields)).location, '/sign-in/code')
    const code = await freddy.codeFor(fields.email)
    await window.post('/sign-in/code', { verification_code: code })
    assert.match((await window.get('/hub')).text, /data-role="admin"/)
    assert.equal((await window.get('/v1/admin/users', asPage)).status, 200)

    assert.equal((await openWindow(freddy).get(link)).status, 410)
    assert.equal(await openSetup(app, freddy.now()), null)
  },
  { env: { REGISTRATION: 'closed' } },
)

/** The role of the account with this address. */
const roleOf = async ({ running }: Freddy, address: string) =>
  (await running.app.store.users.findByAddress(address))?.role

scene(
  'a set-up link makes one admin, the one it was last used for',
  async (freddy) => {
    const link = `/setup?t=${await openSetup(freddy.running.app, freddy.now())}`
    const register = async (name: string) => {
      const window = openWindow(freddy)
      const email = `${name}@example.com`
      const asked = await window.post(link, { email, password: PASSWORD })
      assert.equal(asked.location, '/sign-in/code')
      const verification_code = await freddy.codeFor(email)
      return () => window.post('/sign-in/code', { verification_code })
    }
    const [ada, bob] = [await register('ada'), await register('bob')]
    await ada()
    await bob()
    assert.deepEqual(
      [await roleOf(freddy, 'ada@example.com'), await roleOf(freddy, 'bob@example.com')],
      ['user', 'admin'],
    )
  },
  { env: { REGISTRATION: 'closed' } },
)

scene('of many who use a set-up link at once one becomes an admin', async (freddy) => {
  const { app } = freddy.running
  const secret = (await openSetup(app, freddy.now())) ?? ''
  const names = Array.from({ length: 8 }, (_, index) => `p${index}@example.com`)
  await Promise.all(names.map((email) => inviteFirst(app, secret, email, freddy.now())))
  const live = await freddy.database.read('SELECT id FROM invitations WHERE ended_at IS NULL')
  assert.equal(live.length, 1)
})

scene(
  'a set-up link that was used makes no admin once there is another one',
  async (freddy) => {
    const link = `/setup?t=${await openSetup(freddy.running.app, freddy.now())}`
    const window = openWindow(freddy)
    const email = 'ada@example.com'
    await window.post(link, { email, password: PASSWORD })
    const verification_code = await freddy.codeFor(email)
    const root = await freddy.person('root')
    const event = allowed({ now: freddy.now(), origin: SHELL }, 'user.made_admin')
    assert.ok(await freddy.running.app.store.roster.appoint(root.id, 'admin', event))
    assert.equal((await window.post('/sign-in/code', { verification_code })).location, '/hub')
    assert.equal(await roleOf(freddy, email), 'user')
  },
  { env: { REGISTRATION: 'closed' } },
)

scene('the files of the Hub are kept by browsers and packed', async (freddy) => {
  const window = openWindow(freddy)
  const page = await window.get('/sign-in', { 'accept-language': 'de-AT,de;q=0.9' })
  assert.match(page.text, /<html lang="de">/)
  const [path = ''] = /\/hub\/assets\/hub-[A-Z0-9]+\.css/.exec(page.text) ?? []
  const file = await window.get(path, { 'accept-encoding': 'gzip, br' })
  assert.equal(file.status, 200)
  assert.equal(file.headers['content-encoding'], 'br')
  assert.match(String(file.headers['cache-control']), /immutable/)
  assert.equal((await window.get('/hub/assets/..%2Fpackage.json')).status, 404)
})

test('all files of the Hub, in every language, weigh less than 60 kB on their way', () => {
  const folder = new URL('../../hub/dist/', import.meta.url)
  const files = readdirSync(folder).filter((name) => /\.(js|css)$/.test(name))
  const weights = files.map((name) => gzipSync(readFileSync(new URL(name, folder))).length)
  const weight = weights.reduce((sum, each) => sum + each, 0)
  assert.ok(weight > 20_000 && weight < 60 * 1024, `${weight} bytes`)
})
