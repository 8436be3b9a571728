import assert from 'node:assert/strict'
import { allowed } from '../src/auth/audit.ts'
import { confirmPanic, planPanic } from '../src/auth/panic.ts'
import { readTarget, type Wanted } from '../src/auth/panic-target.ts'
import type { Entry } from '../src/store/pairings.ts'
import { type BrowserWindow, openWindow } from './browser-window.ts'
import { type Answer, type Freddy, HOUR, MINUTE, type Person, scene } from './freddy.ts'
import { linkFor, press } from './mailed-links.ts'

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
  assert.match(
    asking.text,
    /<time datetime="2026-11-23T12:\d\d:\d\d.000Z">2026-11-23 12:\d\d UTC<\/time>/,
  )
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

  const ended = await browserOf(freddy, ada)
  const { body: one } = await begin(freddy)
  await decide(ended, one.user_code, 'allow')
  const [by] = await freddy.database.read<{ id: string }>(
    'SELECT allowed_by AS id FROM pairings WHERE allowed_at IS NOT NULL AND denied_at IS NULL',
  )
  const gone = await freddy.ask(`DELETE /v1/auth/sessions/${by?.id}`, { token })
  assert.equal(gone.status, 200, gone.text)
  assert.equal(codeOf(await poll(freddy, one.device_code)), 'ACCESS_DENIED')

  const other = await browserOf(freddy, ada)
  const { body: kept } = await begin(freddy)
  await decide(other, kept.user_code, 'allow')
  await other.post('/sign-out')
  assert.equal((await poll(freddy, kept.device_code)).status, 200)
})

const NEW = 'a quite different sentence'

/** An owner who takes the account back, from a session of their own that began before the thief's. */
interface Owner {
  readonly freddy: Freddy
  readonly who: Person
  readonly token: string
  /** When the thief came. */
  readonly since: number
}

async function pressed(freddy: Freddy, path: string, form = ''): Promise<void> {
  assert.equal((await press(freddy, path, form)).statusCode, 200, path)
}

async function moveTo({ freddy, who, token }: Owner, new_email: string): Promise<void> {
  const { body } = await freddy.ask('POST /v1/user/email', {
    token,
    body: { new_email, current_password: who.password },
  })
  const verification_code = Number(await freddy.codeFor(new_email))
  const done = await freddy.ask('POST /v1/user/email/verify', {
    token,
    body: { email_key: body.email_key, verification_code },
  })
  assert.equal(done.status, 200, done.text)
}

async function panicAbout({ freddy }: Owner, wanted: Wanted): Promise<void> {
  const { app } = freddy.running
  const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
  const acting = { app, origin, now: freddy.now(), actor: 'shell', sessionId: null }
  const target = await readTarget(app, wanted, freddy.now())
  await confirmPanic(acting, target, (await planPanic(acting, target)).confirm)
}

/** Each way to end what others began on an account, once whoever let the device in has signed out. */
const takingBack: Readonly<Record<string, (owner: Owner) => Promise<void>>> = {
  async reset({ freddy, who }) {
    await freddy.ask('POST /v1/auth/password/reset', { body: { email: who.email } })
    await pressed(freddy, await linkFor(freddy, who.email, 'reset'), `new_password=${NEW}`)
  },
  disown: async ({ freddy, who }) => pressed(freddy, await linkFor(freddy, who.email, 'not-me')),
  async password({ freddy, who, token }) {
    const body = { current_password: who.password, new_password: NEW, confirm_password: NEW }
    const { status } = await freddy.ask('PUT /v1/auth/password/update', { token, body })
    assert.equal(status, 200)
  },
  email: (owner) => moveTo(owner, 'moved@example.com'),
  async elsewhere({ freddy, token }) {
    assert.equal((await freddy.ask('DELETE /v1/auth/sessions', { token })).status, 200)
  },
  'panic-user': (owner) => panicAbout(owner, { user: owner.who.email }),
  'panic-since': (owner) => panicAbout(owner, { since: new Date(owner.since).toISOString() }),
  'panic-device': (owner) => panicAbout(owner, { network: '198.51.100.0/24' }),
  'panic-thief': (owner) => panicAbout(owner, { network: '203.0.113.0/24' }),
}

/** Lets a device in, and signs out; the code that the device polls with. */
async function allowAndLeave(freddy: Freddy, who: Person): Promise<string> {
  const thief = await browserOf(freddy, who)
  const { body } = await begin(freddy)
  assert.equal((await decide(thief, body.user_code, 'allow')).status, 200)
  await thief.post('/sign-out')
  return body.device_code
}

scene(
  'attack 086: what somebody allowed before they signed out outlives no way to take the account back',
  async (freddy) => {
    for (const [name, takeBack] of Object.entries(takingBack)) {
      const who = await freddy.person(name)
      const { token } = await freddy.signIn(who, { from: '192.0.2.50' })
      freddy.pass(MINUTE)
      const since = freddy.now()
      const code = await allowAndLeave(freddy, who)
      await takeBack({ freddy, who, token, since })
      assert.equal(codeOf(await poll(freddy, code)), 'ACCESS_DENIED', name)
      freddy.pass(5 * MINUTE)
    }
    assert.deepEqual(
      await freddy.database.read("SELECT id FROM audit_events WHERE event = 'pairing.verified'"),
      [],
    )
  },
)

scene('attack 086: nor the way back to an old address', async (freddy) => {
  const who = await freddy.person('ada')
  const { token } = await freddy.signIn(who)
  await moveTo({ freddy, who, token, since: freddy.now() }, 'thief@example.com')
  const path = await linkFor(freddy, who.email, 'undo-email')
  freddy.pass(MINUTE)
  const code = await allowAndLeave(freddy, { ...who, email: 'thief@example.com' })
  await pressed(freddy, path)
  assert.equal(codeOf(await poll(freddy, code)), 'ACCESS_DENIED')
})

scene('a device is let in by a session that lives, and by no other', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_id: sessionId, token } = await freddy.signIn(ada)
  await begin(freddy)
  const [row] = await freddy.database.read<{ id: string }>('SELECT id FROM pairings')
  await freddy.ask('POST /v1/auth/logout', { token })
  const origin = { address: '192.0.2.1', source: '192.0.2.1', network: null, agent: 'curl' }
  const event = allowed({ now: freddy.now(), origin }, 'test.event')
  const allowance = { id: String(row?.id), userId: ada.id, sessionId, amr: ['pwd', 'email'] }
  assert.equal(await freddy.running.app.store.pairings.allow(allowance, event), false)
})

scene('attack 085: no device slips in while its person signs out elsewhere', async (freddy) => {
  const rounds = Array.from({ length: 12 }, async (_, index) => {
    const who = await freddy.person(`p${index}`)
    const { token } = await freddy.signIn(who)
    const window = await browserOf(freddy, who)
    const { body } = await begin(freddy)
    await decide(window, body.user_code, 'allow')
    return { token, code: body.device_code }
  })
  const ready = await Promise.all(rounds)
  await Promise.all(
    ready.flatMap(({ token, code }) => [
      poll(freddy, code),
      freddy.ask('DELETE /v1/auth/sessions', { token }),
    ]),
  )
  const live = await freddy.database.read('SELECT id FROM sessions WHERE ended_at IS NULL')
  assert.equal(live.length, ready.length)
})

scene('neither code of a device is in any row', async (freddy) => {
  const { body } = await begin(freddy)
  const rows = JSON.stringify(await freddy.database.read('SELECT * FROM pairings'))
  for (const secret of [body.device_code, body.user_code, body.user_code.replace('-', '')])
    assert.equal(rows.includes(secret), false)
})
