import assert from 'node:assert/strict'
import { type Freddy, PASSWORD, type Person, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const from = { from: '192.0.2.7', headers: { 'user-agent': FIREFOX } }

const shell = (freddy: Freddy, words: string) => shellBeside(freddy, words.split(' '))

/** Somebody with a bit of everything; what opens their account, to be looked for. */
async function lived(freddy: Freddy, ada: Person) {
  const session = await freddy.signIn(ada, from)
  const { token } = session
  const key = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'build', labels: { env: 'ci' } },
  })
  const codes = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  const app = await freddy.ask('POST /v1/user/factors/totp', { token })
  const rotate = `POST /v1/api-keys/${key.body.id}/rotate`
  const next = (await freddy.ask(rotate, { token })).body.key
  const ask = { model: 'echo-1', input: 'hello' }
  await freddy.ask('POST /v1/responses', { headers: { 'api-key': key.body.key }, body: ask })
  await freddy.running.app.keyUses.flush()
  const login = await freddy.login(ada, from)
  const code = await freddy.codeFor(ada.email)
  const secrets = [
    PASSWORD,
    token,
    session.refreshToken,
    session.device_token,
    key.body.key,
    next,
    ...codes.body.recovery_codes,
    app.body.secret,
    login.body.email_key,
    code,
  ]
  return { token, secrets }
}

scene('a person takes out everything that is kept about them', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  await lived(freddy, bob)
  freddy.pass(60_000)
  const { token, secrets } = await lived(freddy, ada)
  const { status, body, text, headers } = await freddy.ask('GET /v1/user/export', { token })
  assert.equal(status, 200, text)
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(body.format, 'freddy-auth/person/1')
  assert.equal(body.account.email, ada.email)
  assert.equal(body.account.created_at, '2026-11-23T12:00:00.000Z')
  assert.equal(body.sessions[0].source, '192.0.2.7')
  assert.equal(body.sessions[0].agent, FIREFOX)
  assert.equal(body.api_keys[0].name, 'build')
  assert.equal(body.key_labels[0].value, 'ci')
  for (const { source } of body.key_callers) assert.equal(source, '127.0.0.1')
  assert.equal(body.key_callers.length, 1)
  assert.equal(body.usage[0].model, 'echo-1')
  assert.equal(body.recovery_codes.length, 10)
  assert.equal(body.authenticator_apps.length, 1)
  assert.equal(body.devices.length, 1)
  assert.equal(body.challenges.length, 2)
  assert.deepEqual(body.mails.map(({ letter }: { letter: string }) => letter).sort(), [
    'code',
    'code',
    'factors',
  ])
  const told = body.events.map(({ event }: { event: string }) => event)
  assert.ok(told.includes('login.verified') && told.includes('key.created'))
  assert.deepEqual(body.cut, [])
  for (const secret of secrets) assert.ok(!text.includes(String(secret)), String(secret))
  for (const other of [bob.id, bob.email]) assert.ok(!text.includes(other), other)
  const rows = await freddy.database.read(
    'SELECT hash FROM api_keys UNION ALL SELECT former_hash FROM api_keys WHERE former_hash IS NOT NULL UNION ALL SELECT password_hash FROM users UNION ALL SELECT refresh_hash FROM sessions UNION ALL SELECT hash FROM recovery_codes UNION ALL SELECT id FROM challenges UNION ALL SELECT sealed FROM totp_factors',
  )
  for (const { hash } of rows) assert.ok(!text.includes(String(hash)), String(hash))
})

scene("attack 099: an export is for a session of one's own, five times an hour", async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const bob = await freddy.person('bob')
  const scopes = ['responses', 'models', 'usage:read', 'account:read']
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k', scopes } })
  const headers = { 'api-key': body.key }
  assert.equal((await freddy.ask('GET /v1/user/export', { headers })).status, 403)
  const other = await freddy.ask(`GET /v1/user/export?user_id=${bob.id}`, { token })
  assert.equal(other.status, 422)
  const statuses = []
  for (let count = 0; count < 5; count++)
    statuses.push((await freddy.ask('GET /v1/user/export', { token })).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 429])
  const told = await freddy.database.read(
    "SELECT user_id FROM audit_events WHERE event = 'account.exported'",
  )
  assert.equal(told.length, 4)
})

scene('a session that a recovery code began takes nothing out', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body } = await freddy.ask('POST /v1/user/factors/recovery-codes', { token })
  const { email_key } = (await freddy.login(ada)).body
  const [recovery_code] = body.recovery_codes
  const found = await freddy.ask('POST /v1/auth/verify', {
    body: { email_key, method: 'recovery_code', recovery_code },
  })
  const refused = await freddy.ask('GET /v1/user/export', { token: found.body.token })
  assert.equal(refused.status, 403)
  assert.equal(refused.body.error.details.reason, 'recovery_session')
})

scene('the operator takes out one person, or all accounts line by line', async (freddy) => {
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  await lived(freddy, ada)
  const one = shell(freddy, `users export ${ada.id}`)
  assert.equal(one.status, 0, one.text)
  const told = JSON.parse(one.stdout)
  assert.equal(told.account.id, ada.id)
  assert.equal(told.sessions.length, 1)

  const linesOf = (words: string) =>
    shell(freddy, words)
      .stdout.trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  const plain = linesOf('users export --all')
  assert.deepEqual(plain.map(({ email }) => email).sort(), [ada.email, bob.email])
  assert.ok(plain.every((line) => line.format === 'freddy-auth/account/1'))
  assert.ok(plain.every((line) => !('password_hash' in line)))
  const [hashed] = linesOf('users export --all --with-hashes')
  assert.match(hashed.password_hash, /^[0-9a-f]{8}\$\$argon2id\$/)
  assert.equal(shell(freddy, 'users export ada --all').status, 1)
  const rows = await freddy.database.read(
    "SELECT reason FROM audit_events WHERE event = 'account.exported' AND actor = 'shell'",
  )
  assert.deepEqual(rows.map(({ reason }) => reason).sort(), ['all', 'all with_hashes', null])
})

scene(
  "where an admin acted on somebody, the place is the admin's and not in the export",
  async (freddy) => {
    const ada = await freddy.person('ada')
    const admin = await freddy.person('root')
    await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: admin.id })
    const root = await freddy.signIn(admin)
    const act = (what: string) =>
      freddy.ask(`POST /v1/admin/users/${ada.id}/${what}`, {
        token: root.token,
        from: '203.0.113.9',
      })
    assert.equal((await act('disable')).status, 200)
    assert.equal((await act('enable')).status, 200)
    freddy.pass(60_000)
    const { token } = await freddy.signIn(ada)
    const { body, text } = await freddy.ask('GET /v1/user/export', { token })
    assert.ok(body.events.some(({ event }: { event: string }) => event === 'user.disabled'))
    assert.ok(!text.includes('203.0.113.9'))
  },
)
