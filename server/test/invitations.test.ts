import assert from 'node:assert/strict'
import { allowed } from '../src/auth/audit.ts'
import { newInvitation } from '../src/auth/invitation.ts'
import { ownerLetter } from '../src/auth/notice.ts'
import type { Role } from '../src/store/users.ts'
import { openWindow } from './browser-window.ts'
import { DAY, type Freddy, PASSWORD, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const byInvitation = { env: { REGISTRATION: 'invite' } }

/** Invites as the shell does, at the scene's own time. */
async function invite({ running: { app }, now }: Freddy, address: string, role: Role = 'user') {
  const call = { app, origin, now: now() }
  const { secret, row } = newInvitation(app, { address, role, now: now() })
  const letter = ownerLetter(call, address, 'invitation', { code: secret })
  const event = allowed(call, 'user.invited', { reason: role, actor: 'shell' })
  assert.equal(await app.store.invitations.create(row, letter, event), true)
  return secret
}

const register = (freddy: Freddy, email: string, invitation?: string) =>
  freddy.ask('POST /v1/auth/register', {
    body: { email, password: PASSWORD, ...(invitation ? { invitation } : {}) },
  })

async function refused(freddy: Freddy, email: string, invitation?: string): Promise<void> {
  const { status, body } = await register(freddy, email, invitation)
  assert.equal(status, 403)
  assert.equal(body.error.code, 'REGISTRATION_RESTRICTED')
}

scene(
  'an invitation lets its address in once, with the role it carries',
  async (freddy) => {
    const secret = await invite(freddy, 'ada@example.com', 'admin')
    await refused(freddy, 'ada@example.com')
    await refused(freddy, 'bob@example.com', secret)
    await refused(freddy, 'ada@example.com', secret.toLowerCase())
    const { status, body } = await register(freddy, 'ada@example.com', secret)
    assert.equal(status, 201)
    const code = Number(await freddy.codeFor('ada@example.com'))
    const verified = await freddy.verify(body.email_key, code)
    assert.equal(verified.status, 200, verified.text)
    const { token } = verified.body
    assert.equal((await freddy.ask('GET /v1/admin/users', { token })).status, 200)
    await refused(freddy, 'ada@example.com', secret)
    const kept = await freddy.database.read('SELECT id, role FROM invitations')
    assert.equal(kept.length, 1)
    assert.ok(!JSON.stringify(kept).includes(secret))
  },
  byInvitation,
)

scene(
  'an invitation ends after seven days, and when a newer one is sent',
  async (freddy) => {
    const first = await invite(freddy, 'ada@example.com')
    const second = await invite(freddy, 'ada@example.com')
    await refused(freddy, 'ada@example.com', first)
    freddy.pass(7 * DAY - 1)
    assert.equal((await register(freddy, 'ada@example.com', second)).status, 201)
    freddy.pass(1)
    await refused(freddy, 'ada@example.com', second)
  },
  byInvitation,
)

scene(
  'an invitation opens no server that is closed',
  async (freddy) => {
    await refused(freddy, 'ada@example.com', await invite(freddy, 'ada@example.com'))
  },
  { env: { REGISTRATION: 'closed' } },
)

scene(
  'where anybody may register an invitation still gives its role, and a wrong one is refused',
  async (freddy) => {
    await refused(freddy, 'ada@example.com', 'A'.repeat(22))
    const secret = await invite(freddy, 'ada@example.com', 'admin')
    const { body } = await register(freddy, 'ada@example.com', secret)
    await freddy.verify(body.email_key, Number(await freddy.codeFor('ada@example.com')))
    const { users } = freddy.running.app.store
    assert.equal((await users.findByAddress('ada@example.com'))?.role, 'admin')
  },
)

scene(
  'the shell invites, and the server mails it',
  async (freddy) => {
    await freddy.person('ada')
    const run = (...words: string[]) => shellBeside(freddy, ['users', 'invite', ...words])
    assert.equal(run('ada@example.com').status, 1)
    assert.equal(run('nobody').status, 1)
    const invited = run('bob@example.com', '--json')
    assert.equal(invited.status, 0, invited.text)
    // The shell has the clock of the machine: this server waits until it is as late.
    freddy.pass(
      Math.max(0, Date.parse(JSON.parse(invited.stdout).expires_at) - 7 * DAY - freddy.now()),
    )
    await freddy.running.outbox.drain()
    const mail = freddy.mail.mails.find(({ envelope }) => envelope.to.includes('bob@example.com'))
    assert.equal(mail?.subject, 'You are invited to Freddy')
    const [, secret = ''] = /^ {4}([\w-]{22})\r?$/m.exec(mail?.raw ?? '') ?? []
    assert.equal((await register(freddy, 'bob@example.com', secret)).status, 201)
  },
  byInvitation,
)

async function appointed(freddy: Freddy): Promise<string> {
  const root = await freddy.person('root')
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: root.id })
  return (await freddy.signIn(root)).token
}

const INVITE = 'POST /v1/admin/invitations'

scene(
  'an admin invites by the API, and who follows the letter registers on its page',
  async (freddy) => {
    const token = await appointed(freddy)
    const email = 'bea@example.com'
    const made = await freddy.ask(INVITE, { token, body: { email: 'Bea@Example.com' } })
    assert.equal(made.status, 201, made.text)
    assert.deepEqual(
      [made.body.email, Date.parse(made.body.expires_at)],
      [email, freddy.now() + 7 * DAY],
    )
    assert.equal(made.text.includes('secret'), false)
    await freddy.running.outbox.drain()
    const letter = String(freddy.mail.mails.at(-1)?.raw).replaceAll('=\r\n', '')
    const [, secret = ''] = /register\?invitation=(?:3D)?([\w-]{22})/.exec(letter) ?? []
    assert.ok(secret, letter)

    const window = openWindow(freddy)
    const page = await window.get(`/register?invitation=${secret}`)
    assert.match(page.text, new RegExp(`name="invitation"[^>]*value="${secret}"`))
    const fields = { email, password: PASSWORD, invitation: secret }
    const wrong = await window.post('/register', { ...fields, invitation: 'A'.repeat(22) })
    assert.equal(wrong.status, 403)
    assert.match(wrong.text, /name="invitation"[^>]*value="A{22}"/)
    assert.equal((await window.post('/register', fields)).location, '/sign-in/code')
    const verification_code = await freddy.codeFor(email)
    assert.equal((await window.post('/sign-in/code', { verification_code })).location, '/hub')
    const again = await freddy.ask(INVITE, { token, body: { email } })
    assert.deepEqual([again.status, again.body.error.code], [403, 'OPERATION_NOT_ALLOWED'])
  },
  byInvitation,
)

scene(
  'an invitation by the API is for an admin whose session stands firm, and makes no admin',
  async (freddy) => {
    const token = await appointed(freddy)
    const bea = await freddy.person('bea')
    const { token: hers } = await freddy.signIn(bea)
    const body = { email: 'cleo@example.com' }
    assert.equal((await freddy.ask(INVITE, { body })).status, 401)
    assert.equal((await freddy.ask(INVITE, { body, token: hers })).status, 403)
    const asAdmin = { ...body, role: 'admin' }
    assert.equal((await freddy.ask(INVITE, { token, body: asAdmin })).status, 422)
    const odd = await freddy.ask(INVITE, { token, body: { email: 'nowhere' } })
    assert.equal(odd.body.error.code, 'INVALID_EMAIL_FORMAT')
    for (const amr of ['pwd recovery', 'pwd email device']) {
      await freddy.database.write('UPDATE sessions SET amr = :amr', { amr })
      freddy.pass(2000)
      const weak = await freddy.ask(INVITE, { token, body })
      assert.equal(weak.body.error.code, 'INSUFFICIENT_PERMISSIONS', amr)
    }
    assert.deepEqual(await freddy.database.read('SELECT id FROM invitations'), [])
  },
  byInvitation,
)

scene(
  'a mailbox gets two invitations in ten minutes, an admin sends fifty in an hour',
  async (freddy) => {
    const token = await appointed(freddy)
    const send = async (email: string) =>
      (await freddy.ask(INVITE, { token, body: { email } })).status
    const atOnce = await Promise.all([1, 2, 3, 4].map(() => send('bea@example.com')))
    assert.deepEqual(atOnce.sort(), [201, 201, 429, 429])
    for (let sent = 2; sent < 50; sent++) assert.equal(await send(`p${sent}@example.com`), 201)
    assert.equal(await send('last@example.com'), 429)
    assert.equal(
      (await freddy.database.read("SELECT id FROM outbox WHERE letter = 'invitation'")).length,
      50,
    )
  },
  { env: { REGISTRATION: 'invite', LIMITS: 'requests=off' } },
)

scene(
  'where registration is closed nobody is invited, and the page says so',
  async (freddy) => {
    const token = await appointed(freddy)
    const { status, body } = await freddy.ask(INVITE, {
      token,
      body: { email: 'bea@example.com' },
    })
    assert.deepEqual([status, body.error.code], [403, 'OPERATION_NOT_ALLOWED'])
    const page = await openWindow(freddy).get('/register')
    assert.match(page.text, /takes no new accounts/)
    assert.doesNotMatch(page.text, /<input[^>]*name="email"/)
  },
  { env: { REGISTRATION: 'closed' } },
)

scene('of invitations to one address at once one holds', async (freddy) => {
  const secrets = await Promise.all(
    Array.from({ length: 8 }, () => invite(freddy, 'ada@example.com', 'admin')),
  )
  const live = 'SELECT id FROM invitations WHERE ended_at IS NULL'
  assert.equal((await freddy.database.read(live)).length, 1)
  assert.equal(new Set(secrets).size, 8)
})

scene(
  'where anybody may register an invitation outlives a weak password, and can be left out',
  async (freddy) => {
    const email = 'ada@example.com'
    const secret = await invite(freddy, email, 'admin')
    const window = openWindow(freddy)
    const filled = new RegExp(`name="invitation"[^>]*value="${secret}"`)
    assert.match((await window.get(`/register?invitation=${secret}`)).text, filled)
    const weak = await window.post('/register', { email, password: 'short', invitation: secret })
    assert.equal(weak.status, 422)
    assert.match(weak.text, filled)
    const other = { email: 'bea@example.com', password: PASSWORD }
    const wrong = await window.post('/register', { ...other, invitation: secret })
    assert.equal(wrong.status, 403)
    assert.match(wrong.text, /<input id="invitation"/)
    const without = await window.post('/register', { ...other, invitation: '' })
    assert.equal(without.location, '/sign-in/code')
    assert.doesNotMatch((await window.get('/register')).text, /name="invitation"/)
  },
)
