import assert from 'node:assert/strict'
import { confirmPanic, planPanic } from '../src/auth/panic.ts'
import { readTarget } from '../src/auth/panic-target.ts'
import { appointUser, disableUser } from '../src/auth/roster.ts'
import { type EndReason, endings } from '../src/auth/session-end.ts'
import { storyOf } from '../src/auth/session-story.ts'
import { afterRestore } from '../src/store/backup.ts'
import { DAY, type Freddy, MINUTE, type Person, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const SHELL = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const NEW = 'a quite different sentence'

interface SignedIn {
  readonly token: string
  readonly refreshToken: string
  readonly device_id: string
}

/** A person with a session, and another one from which things are done. */
interface Place {
  readonly who: Person
  readonly session: SignedIn
  readonly other: SignedIn
}

const refresh = (freddy: Freddy, refresh_token: string, more: object = {}) =>
  freddy.ask('POST /v1/auth/refresh', { body: { refresh_token, ...more } })

const show = (freddy: Freddy, id: string, token: string) =>
  freddy.ask(`GET /v1/auth/sessions/${id}`, { token })

const shell = (freddy: Freddy, ...words: string[]) => shellBeside(freddy, words)

/** A command has the clock of the machine: whatever that says, no session is over by then. */
const outlive = ({ database }: Freddy) =>
  database.write('UPDATE sessions SET expires_at = :end', { end: Date.UTC(2200, 0) })

const acting = ({ running, now }: Freddy) => ({
  app: running.app,
  origin: SHELL,
  now: now(),
  actor: 'shell',
})

/** What both doors say to who holds the tokens of a session. */
async function toldTo(freddy: Freddy, { token, refreshToken }: SignedIn) {
  const answers = [
    await freddy.ask('GET /v1/auth/validate', { token }),
    await refresh(freddy, refreshToken),
  ]
  for (const { status } of answers) assert.equal(status, 401)
  return answers.map(({ body }) => body.error.details?.reason)
}

async function reset(freddy: Freddy, { email }: Person): Promise<void> {
  const { body } = await freddy.ask('POST /v1/auth/password/reset', { body: { email } })
  const code = Number(await freddy.codeFor(email))
  const answer = await freddy.ask('POST /v1/auth/password/reset/verify', {
    body: { email_key: body.email_key, verification_code: code, new_password: NEW },
  })
  assert.equal(answer.status, 200, answer.text)
}

async function disown(freddy: Freddy, { email }: Person): Promise<void> {
  const mail = freddy.mail.mails.findLast(({ envelope }) => envelope.to.includes(email))
  const [, url = ''] = /(\/account\/not-me\/[\w-]{22})/.exec(unfold(mail?.raw ?? '')) ?? []
  const origin = 'https://auth.example.com'
  const type = 'application/x-www-form-urlencoded'
  const headers = { host: 'localhost', origin, 'content-type': type }
  const answer = await freddy.running.http.inject({ method: 'POST', url, headers, payload: '' })
  assert.equal(answer.statusCode, 200)
}

const unfold = (raw: string) => raw.replace(/=\r\n/g, '')

/** Each way in which a session is ended by somebody, and what it is called. */
const ways: Partial<Record<EndReason, (freddy: Freddy, place: Place) => Promise<unknown>>> = {
  signed_out: (freddy, { session }) => freddy.ask('POST /v1/auth/logout', { token: session.token }),
  signed_out_elsewhere: (freddy, { session, other }) =>
    freddy.ask(`DELETE /v1/auth/sessions/${session.device_id}`, { token: other.token }),
  password_changed: (freddy, { who, other }) =>
    freddy.ask('PUT /v1/auth/password/update', {
      token: other.token,
      body: { current_password: who.password, new_password: NEW, confirm_password: NEW },
    }),
  password_reset: (freddy, { who }) => reset(freddy, who),
  not_me: (freddy, { who }) => disown(freddy, who),
  async token_reuse(freddy, { session }) {
    const { body } = await refresh(freddy, session.refreshToken, { rotate: true })
    await refresh(freddy, body.refreshToken, { rotate: true })
    await refresh(freddy, session.refreshToken)
  },
  role_changed: (freddy, { who }) => appointUser(acting(freddy), who.id, 'admin'),
  disabled: (freddy, { who }) => disableUser(acting(freddy), who.id),
  async panic(freddy, { who }) {
    const acting_ = { ...acting(freddy), sessionId: null }
    const target = await readTarget(freddy.running.app, { user: who.email }, freddy.now())
    await confirmPanic(acting_, target, (await planPanic(acting_, target)).confirm)
  },
  async restored(freddy, { session }) {
    await freddy.database.write(`${afterRestore.sessions} AND id = :id`, {
      now: freddy.now(),
      id: session.device_id,
    })
    freddy.pass(1000)
  },
}

/** Its story begins with what ended it, and every part of it is told in words. */
async function assertExplained(freddy: Freddy, id: string): Promise<void> {
  const { app } = freddy.running
  const session = await app.store.sessions.findAnybodys(id)
  assert.ok(session)
  const story = await storyOf(app, session, freddy.now(), 20)
  for (const { what, row } of story) assert.notEqual(what, row.event)
  const reason = session.end_reason ?? ''
  // A restore is one event of the whole server.
  if (reason === 'restored' || session.disabled_at !== null) return
  assert.equal(story[0]?.row.happened_at, session.ended_at, `${reason}: ${story[0]?.what}`)
}

scene('attack 084, 085, 086: whoever is signed out is told why, at both doors', async (freddy) => {
  for (const [reason, end] of Object.entries(ways)) {
    const who = await freddy.person(`who-${reason}`)
    const other = await freddy.signIn(who)
    const session = await freddy.signIn(who)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token: session.token })).status, 200)
    freddy.pass(MINUTE)
    await end(freddy, { who, session, other })
    assert.deepEqual(await toldTo(freddy, session), [reason, reason])
    await assertExplained(freddy, session.device_id)
  }
  // Each of these has a scene of its own, here, in email-change.test.ts or in my-sessions.test.ts.
  const others: EndReason[] = [
    ...(['expired', 'idle', 'too_many_sessions', 'ended_by_operator', 'ended'] as const),
    ...(['email_changed', 'email_change_undone'] as const),
  ]
  assert.deepEqual([...Object.keys(ways), ...others].toSorted(), Object.keys(endings).toSorted())
})

scene('a session whose time is up says so, whoever asks how late', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  for (const later of [30 * DAY, DAY]) {
    freddy.pass(later)
    const { status, body } = await refresh(freddy, refreshToken)
    assert.equal(status, 401)
    assert.equal(body.error.code, 'TOKEN_EXPIRED')
    assert.equal(body.error.details.reason, 'expired')
  }
})

scene('attack 084: why a session ended is for its holder, and for no stranger', async (freddy) => {
  const ada = await freddy.signIn(await freddy.person('ada'))
  const eve = await freddy.person('eve')
  await freddy.ask('POST /v1/auth/logout', { token: ada.token })
  assert.deepEqual(await toldTo(freddy, ada), ['signed_out', 'signed_out'])

  const forged = (token: string) => `${token.slice(0, -3)}${token.endsWith('AAA') ? 'BBB' : 'AAA'}`
  const stranger = { token: forged(ada.token), refreshToken: forged(ada.refreshToken) }
  assert.deepEqual(await toldTo(freddy, { ...ada, ...stranger }), [undefined, undefined])

  const { tokens } = freddy.running.app
  const iat = Math.floor(freddy.now() / 1000)
  const claims = { sub: eve.id, sid: ada.device_id, jti: 'x', iat, exp: iat + 60 }
  const foreign = {
    token: tokens.sign('access', claims),
    refreshToken: tokens.sign('refresh', claims),
  }
  assert.deepEqual(await toldTo(freddy, { ...ada, ...foreign }), [undefined, undefined])
})

scene('a session tells how it fared: what, when, from where, by whom', async (freddy) => {
  const ada = await freddy.person('ada')
  const one = { from: '192.0.2.1', headers: { 'user-agent': 'curl/8.5' } }
  const session = await freddy.signIn(ada, one)
  const live = (await show(freddy, session.device_id, session.token)).body
  assert.equal(live.ended_at, null)
  assert.equal(live.explanation, 'It is signed in.')

  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: session.refreshToken },
    from: '198.51.100.7',
    headers: { 'user-agent': 'curl/8.5' },
  })
  freddy.pass(MINUTE)
  const other = await freddy.signIn(ada)
  freddy.pass(MINUTE)
  await freddy.ask('DELETE /v1/auth/sessions', { token: other.token, from: '203.0.113.9' })

  const { body } = await show(freddy, session.device_id, other.token)
  assert.equal(body.end_reason, 'signed_out_elsewhere')
  assert.equal(body.ended_at, '2026-11-23T12:03:00.000Z')
  assert.equal(body.explanation, endings.signed_out_elsewhere)
  assert.equal(body.current, false)
  const told = body.decisions.map((each: Record<string, unknown>) =>
    [String(each.happened_at).slice(11, 16), each.what, each.network, each.by].join(', '),
  )
  assert.deepEqual(told, [
    '12:03, Ended all other sessions, 203.0.113.9, you',
    '12:01, Renewed, 198.51.100.7, you',
    '12:00, Signed in, 192.0.2.1, you',
  ])
  assert.equal(body.decisions[1].program, 'curl')
})

scene('whatever was done from a session is told in words', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, device_id } = await freddy.signIn(ada)
  freddy.pass(MINUTE)
  assert.equal((await freddy.ask('GET /v1/user/export', { token })).status, 200)
  const { body } = await show(freddy, device_id, token)
  assert.equal(body.decisions[0].event, 'account.exported')
  for (const { what, event } of body.decisions) assert.notEqual(what, event)
})

scene('an operator who ends a session is named, and not where they sit', async (freddy) => {
  const ada = await freddy.person('ada')
  const root = await freddy.person('root')
  const session = await freddy.signIn(ada)
  freddy.pass(MINUTE)
  await disableUser({ ...acting(freddy), actor: root.id }, ada.id)
  await freddy.database.write('UPDATE users SET disabled_at = NULL')
  freddy.pass(MINUTE)
  const { token } = await freddy.signIn(ada)
  const { body } = await show(freddy, session.device_id, token)
  const [{ happened_at, what, by, network, program }] = body.decisions
  assert.deepEqual([what, by, network, program], ['The account was closed', 'operator', null, null])
  assert.equal(happened_at, body.ended_at)
  assert.equal(JSON.stringify(body).includes(root.id), false)
})

scene('at most the last twenty decisions are told, and the end is one of them', async (freddy) => {
  const ada = await freddy.person('ada')
  const session = await freddy.signIn(ada)
  for (let count = 0; count < 25; count++) {
    freddy.pass(MINUTE)
    await refresh(freddy, session.refreshToken)
  }
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/logout', { token: session.token })
  const { token } = await freddy.signIn(ada)
  const { decisions } = (await show(freddy, session.device_id, token)).body
  assert.equal(decisions.length, 20)
  assert.deepEqual([decisions[0].what, decisions[0].reason], ['Ended', 'signed_out'])
})

scene(
  'a session is explained for ninety days after its end, and then forgotten',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { device_id } = await freddy.signIn(ada)
    const { sweep } = freddy.running.app.store
    const status = async () => {
      await sweep.expired(freddy.now(), { auditDays: 90 })
      const { token } = await freddy.signIn(ada)
      return (await show(freddy, device_id, token)).status
    }
    freddy.pass(119 * DAY)
    assert.equal(await status(), 200)
    freddy.pass(DAY)
    assert.equal(await status(), 404)
  },
)

scene('ninety days count from the sign-out, not from the end it would have had', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_id, token } = await freddy.signIn(ada)
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/logout', { token })
  const { sweep, sessions } = freddy.running.app.store
  const isKept = async () => {
    await sweep.expired(freddy.now(), { auditDays: 90 })
    return (await sessions.findAnybodys(device_id)) !== null
  }
  freddy.pass(90 * DAY - 1)
  assert.equal(await isKept(), true)
  freddy.pass(1)
  assert.equal(await isKept(), false)
})

scene(
  'attack 093: the session that gave way is explained, here and in the shell',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const first = await freddy.signIn(ada)
    await freddy.database.write(
      `INSERT INTO sessions (id, user_id, source, agent, created_at, last_seen_at, expires_at,
       refresh_hash, refresh_issued_at)
     SELECT 'ses_' || key, user_id, source, agent, created_at + 1, last_seen_at, expires_at, key,
       refresh_issued_at FROM sessions, (${numbers(49)}) AS numbered`,
    )
    freddy.pass(MINUTE)
    const from = '203.0.113.9'
    const { token } = await freddy.signIn(ada, { from })
    assert.deepEqual(await toldTo(freddy, first), ['too_many_sessions', 'too_many_sessions'])
    const { body } = await show(freddy, first.device_id, token)
    const [cause] = body.decisions
    assert.deepEqual([cause.what, cause.network], ['Signed in on another device', from])

    await outlive(freddy)
    const told = shell(freddy, 'sessions', 'explain', first.device_id)
    assert.equal(told.status, 0, told.text)
    assert.match(told.stdout, /^end_reason +too_many_sessions$/m)
    assert.match(told.stdout, /^50 live, of at most 50\.$/m)
    assert.match(told.stdout, /Signed in on another device +203\.0\.113\.9 /)
  },
)

/** A table of so many numbers as text, in the dialect of both databases. */
function numbers(count: number): string {
  const rows = Array.from({ length: count }, (_, index) => `SELECT '${index + 10}' AS key`)
  return rows.join(' UNION ALL ')
}

scene('the shell lists, explains and ends the sessions of a person', async (freddy) => {
  const ada = await freddy.person('ada')
  const laptop = await freddy.signIn(ada, { headers: { 'user-agent': 'curl/8.5' } })
  const phone = await freddy.signIn(ada)
  const run = (...words: string[]) => shell(freddy, 'sessions', ...words)
  await outlive(freddy)

  const listed = run('list', 'ada')
  assert.equal(listed.status, 0, listed.text)
  assert.match(listed.stdout, new RegExp(`^${laptop.device_id}  curl .*signed in$`, 'm'))
  assert.match(listed.stdout, /^2 live, of at most 50\.$/m)

  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: phone.token })).status, 200)
  assert.equal(run('end', phone.device_id).status, 0)
  freddy.pass(1000)
  assert.deepEqual(await toldTo(freddy, phone), ['ended_by_operator', 'ended_by_operator'])
  const again = run('end', phone.device_id)
  assert.equal(again.status, 1)
  assert.match(again.stderr, /is over already\. The operator of this server ended it\./)

  const ids = (...words: string[]) =>
    JSON.parse(run('list', 'ada', '--json', ...words).stdout).map(({ id }: { id: string }) => id)
  assert.deepEqual(ids(), [laptop.device_id])
  assert.deepEqual(ids('--all').toSorted(), [laptop.device_id, phone.device_id].toSorted())

  const story = JSON.parse(run('explain', phone.device_id, '--json').stdout)
  assert.equal(story.end_reason, 'ended_by_operator')
  assert.deepEqual([story.live_sessions, story.most_sessions], [1, 50])
  const end = story.decisions.find(({ what }: { what: string }) => what === 'Ended')
  assert.deepEqual(
    [end.by, end.reason, end.happened_at],
    ['shell', story.end_reason, story.ended_at],
  )

  const missing = run('explain', 'ses_none')
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /freddy-auth sessions list/)
  assert.equal(run('end', phone.device_id, '--al').status, 2)
})
