import assert from 'node:assert/strict'
import { allowed } from '../src/auth/audit.ts'
import type { Entry } from '../src/store/pairings.ts'
import { type BrowserWindow, openWindow } from './browser-window.ts'
import { type Answer, type Freddy, HOUR, MINUTE, type Person, scene } from './freddy.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const SECOND = 1000
const television = { from: '198.51.100.20', headers: { 'user-agent': 'freddy-tv/2.0' } }

const begin = (freddy: Freddy, body: object = {}) =>
  freddy.ask('POST /v1/auth/device', { body, ...television })

const poll = (freddy: Freddy, device_code: string): Promise<Answer> =>
  freddy.ask('POST /v1/auth/device/token', {
    body: { grant_type: GRANT, device_code },
    ...television,
  })

/** The same as OAuth's own clients ask it. */
async function ask(freddy: Freddy, path: string, fields: Record<string, string>) {
  const answer = await freddy.running.http.inject({
    method: 'POST',
    url: path,
    headers: { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  })
  return { status: answer.statusCode, body: answer.json() }
}

/** A browser in which this person is signed in. */
async function browserOf(freddy: Freddy, who: Person): Promise<BrowserWindow> {
  const window = openWindow(freddy)
  await window.post('/sign-in', { email_or_username: who.email, password: who.password })
  const code = await freddy.codeFor(who.email)
  const entered = await window.post('/sign-in/code', { verification_code: code })
  assert.equal(entered.status, 303, entered.text)
  return window
}

const decide = (window: BrowserWindow, user_code: string, answer: 'allow' | 'deny') =>
  window.post('/device/answer', { user_code, answer })

const codeOf = ({ body }: Answer) => body?.error?.code

scene('a device is let in by who is signed in elsewhere', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = await browserOf(freddy, ada)
  const { body } = await begin(freddy, { device_information: { device: 'Kitchen TV' } })
  assert.match(body.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  assert.match(body.pairing_phrase, /^[a-z]+( [a-z]+){3}$/)
  assert.equal(body.verification_uri, 'https://auth.example.com/device')
  assert.equal(
    body.verification_uri_complete,
    `${body.verification_uri}?user_code=${body.user_code}`,
  )
  assert.deepEqual([body.expires_in, body.interval], [600, 5])
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'AUTHORIZATION_PENDING')

  const filled = await window.get(`/device?user_code=${body.user_code}`)
  assert.ok(filled.text.includes(`value="${body.user_code}"`))
  assert.equal(filled.text.includes(body.pairing_phrase), false)
  const typed = body.user_code.replace('-', ' ').toLowerCase()
  const asking = await window.post('/device', { user_code: typed })
  for (const part of [body.pairing_phrase, 'Kitchen TV (freddy-tv)', '198.51.100.20', 'UTC'])
    assert.ok(asking.text.includes(part), part)
  const told = await decide(window, body.user_code, 'allow')
  assert.equal(told.status, 200, told.text)

  freddy.pass(5 * SECOND)
  const paired = await poll(freddy, body.device_code)
  assert.equal(paired.status, 200, paired.text)
  const { token, access_token, refresh_token, device_id } = paired.body
  assert.equal(access_token, token)
  const sessions = await freddy.ask('GET /v1/auth/sessions', { token })
  const session = sessions.body.data.find(({ id }: { id: string }) => id === device_id)
  assert.equal(session.device_name, 'Kitchen TV')
  assert.equal(session.network, '198.51.100.20')
  assert.deepEqual(session.amr, ['pwd', 'email', 'device'])
  const about = await freddy.ask(`GET /v1/auth/sessions/${device_id}`, { token })
  assert.equal(about.body.decisions[0].what, 'Let in by somebody signed in elsewhere')
  const renewed = await freddy.ask('POST /v1/auth/refresh', { body: { refresh_token } })
  assert.equal(renewed.status, 200)
  await freddy.running.outbox.drain()
  const letters = await freddy.database.read("SELECT id FROM outbox WHERE letter = 'new-device'")
  assert.equal(letters.length, 1)
  const events = await freddy.database.read(
    "SELECT event FROM audit_events WHERE event LIKE 'pairing.%' ORDER BY happened_at, event",
  )
  assert.deepEqual(
    events.map(({ event }) => event),
    ['pairing.allowed', 'pairing.began', 'pairing.verified'],
  )
})

scene('a device that was turned away hears so, and nobody is let in after that', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  assert.equal((await decide(window, body.user_code, 'deny')).status, 200)
  assert.equal((await decide(window, body.user_code, 'allow')).status, 401)
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'ACCESS_DENIED')
})

scene('a request ends after ten minutes, allowed or not', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const [late, allowed] = [await begin(freddy), await begin(freddy)]
  assert.equal((await decide(window, allowed.body.user_code, 'allow')).status, 200)
  freddy.pass(10 * MINUTE)
  assert.equal((await decide(window, late.body.user_code, 'allow')).status, 401)
  for (const { body } of [late, allowed])
    assert.equal(codeOf(await poll(freddy, body.device_code)), 'DEVICE_CODE_EXPIRED')
  assert.equal(codeOf(await poll(freddy, 'x')), 'DEVICE_CODE_INVALID')
})

scene('who polls too soon waits five seconds longer from then on', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  const hear = async () => codeOf(await poll(freddy, body.device_code))
  assert.equal(await hear(), 'AUTHORIZATION_PENDING')
  freddy.pass(4 * SECOND)
  assert.equal(await hear(), 'SLOW_DOWN')
  await decide(window, body.user_code, 'allow')
  freddy.pass(6 * SECOND)
  assert.equal(await hear(), 'SLOW_DOWN')
  freddy.pass(15 * SECOND)
  assert.equal(await hear(), undefined)
})

scene("OAuth's own clients ask by a form and are answered in its words", async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { status, body } = await ask(freddy, '/v1/auth/device', {
    client_id: 'printer',
    scope: 'x',
  })
  assert.equal(status, 200)
  const fields = { grant_type: GRANT, device_code: body.device_code, client_id: 'printer' }
  const hear = (more: object = {}) => ask(freddy, '/v1/auth/device/token', { ...fields, ...more })
  const words = async (more: object = {}) => {
    const answer = await hear(more)
    assert.equal(typeof answer.body.error_description, 'string')
    return [answer.status, answer.body.error]
  }
  assert.deepEqual(await words(), [400, 'authorization_pending'])
  assert.deepEqual(await words(), [400, 'slow_down'])
  assert.deepEqual(await words({ device_code: 'x' }), [400, 'invalid_grant'])
  assert.deepEqual(await words({ grant_type: 'password' }), [400, 'invalid_request'])
  await decide(window, body.user_code, 'allow')
  freddy.pass(10 * SECOND)
  const paired = await hear()
  assert.equal(paired.status, 200)
  assert.ok(paired.body.access_token && paired.body.refresh_token)
  assert.deepEqual(await words(), [400, 'invalid_grant'])
  const denied = await ask(freddy, '/v1/auth/device', {})
  await decide(window, denied.body.user_code, 'deny')
  assert.deepEqual(await words({ device_code: denied.body.device_code }), [400, 'access_denied'])
  freddy.pass(10 * MINUTE)
  assert.deepEqual(await words({ device_code: denied.body.device_code }), [400, 'expired_token'])
})

scene('one allowed request starts one session, however many polls come at once', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  await decide(window, body.user_code, 'allow')
  const polls = Array.from({ length: 20 }, () => poll(freddy, body.device_code))
  const answers = await Promise.all(polls)
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

scene('what was allowed is used once, also by those who passed every check', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = await browserOf(freddy, ada)
  const { body } = await begin(freddy)
  await decide(window, body.user_code, 'allow')
  const { app } = freddy.running
  const [row] = await freddy.database.read<{ id: string }>('SELECT id FROM pairings')
  const origin = { address: '192.0.2.1', source: '192.0.2.1', network: null, agent: 'curl' }
  const entry = (index: number): Entry => ({
    id: String(row?.id),
    session: {
      id: `ses_${index}`,
      userId: ada.id,
      device: { id: `dev_${index}`, known: false },
      said: { name: null, platform: null, location: null },
      place: 'here',
      source: origin.source,
      agent: origin.agent,
      createdAt: freddy.now(),
      expiresAt: freddy.now() + HOUR,
      refreshHash: `hash ${index}`,
      amr: ['pwd', 'email', 'device'],
    },
    event: allowed({ now: freddy.now(), origin }, 'test.event'),
    ifNew: null,
  })
  const used = Array.from({ length: 20 }, (_, index) => app.store.pairings.consume(entry(index)))
  assert.equal((await Promise.all(used)).filter(Boolean).length, 1)
  const sessions = await freddy.database.read("SELECT id FROM sessions WHERE place = 'here'")
  assert.equal(sessions.length, 1)
})

scene('one request has one answer, however many give one at once', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  const answers = await Promise.all(
    (['allow', 'deny', 'allow', 'deny'] as const).map((word) =>
      decide(window, body.user_code, word),
    ),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

scene('guessing user codes ends after ten wrong ones, also for the right one', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  for (let wrong = 0; wrong < 10; wrong++) {
    assert.equal((await window.post('/device', { user_code: body.user_code })).status, 200)
    const answer = await decide(window, 'BBBB-BBBB', 'allow')
    assert.equal(answer.status, 401)
    assert.match(answer.text, /No device waits/)
  }
  assert.equal((await window.post('/device', { user_code: body.user_code })).status, 429)
  assert.equal((await decide(window, body.user_code, 'allow')).status, 429)
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'AUTHORIZATION_PENDING')
  freddy.pass(HOUR)
  const { body: later } = await begin(freddy)
  assert.equal((await decide(window, later.user_code, 'allow')).status, 200)
})

scene('nobody lets a device in without a session, or from another site', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await begin(freddy)
  const stranger = openWindow(freddy)
  const next = `/sign-in?next=${encodeURIComponent(`/device?user_code=${body.user_code}`)}`
  assert.equal((await stranger.get(`/device?user_code=${body.user_code}`)).location, next)
  assert.equal((await decide(stranger, body.user_code, 'allow')).location, next)
  const window = await browserOf(freddy, ada)
  for (const path of ['/device', '/device/answer']) {
    const fields = { user_code: body.user_code, answer: 'allow' }
    const forged = await window.post(path, fields, { origin: 'https://evil.example' })
    assert.equal(forged.status, 403, path)
  }
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'AUTHORIZATION_PENDING')
})

scene('a device that was let in lets no other in, and changes no factor', async (freddy) => {
  const window = await browserOf(freddy, await freddy.person('ada'))
  const { body } = await begin(freddy)
  await decide(window, body.user_code, 'allow')
  const { body: paired } = await poll(freddy, body.device_code)
  const factor = await freddy.ask('POST /v1/user/factors/totp', { token: paired.token })
  assert.equal(factor.status, 403)
  assert.equal(factor.body.error.details.reason, 'sign_in_again')
  const { body: next } = await begin(freddy)
  window.cookies.set('__Host-freddy-session', paired.refresh_token)
  const refused = await decide(window, next.user_code, 'allow')
  assert.equal(refused.status, 403)
  assert.match(refused.text, /may not let a device in/)
  assert.equal((await decide(window, next.user_code, 'deny')).status, 200)
})

scene('a session by a recovery code lets no device in', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body: codes } = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  const window = openWindow(freddy)
  await window.post('/sign-in', { email_or_username: ada.email, password: ada.password })
  const [recovery_code] = Object.values(codes).find(Array.isArray) ?? []
  const entered = await window.post('/sign-in/code', { method: 'recovery_code', recovery_code })
  assert.equal(entered.status, 303, entered.text)
  const { body } = await begin(freddy)
  assert.equal((await decide(window, body.user_code, 'allow')).status, 403)
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'AUTHORIZATION_PENDING')
})

scene('what was allowed by a session that was ended starts none', async (freddy) => {
  const ada = await freddy.person('ada')
  const window = await browserOf(freddy, ada)
  const { token } = await freddy.signIn(ada)
  const { body } = await begin(freddy)
  await decide(window, body.user_code, 'allow')
  await freddy.ask('DELETE /v1/auth/sessions', { token })
  assert.equal(codeOf(await poll(freddy, body.device_code)), 'ACCESS_DENIED')

  const other = await browserOf(freddy, ada)
  const { body: kept } = await begin(freddy)
  await decide(other, kept.user_code, 'allow')
  await other.post('/sign-out')
  assert.equal((await poll(freddy, kept.device_code)).status, 200)
})

scene('neither code of a device is in any row', async (freddy) => {
  const { body } = await begin(freddy)
  const rows = JSON.stringify(await freddy.database.read('SELECT * FROM pairings'))
  for (const secret of [body.device_code, body.user_code, body.user_code.replace('-', '')])
    assert.equal(rows.includes(secret), false)
})
