import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { allowed } from '../src/auth/audit.ts'
import { findBrokenSeal, sealEvents } from '../src/auth/audit-chain.ts'
import { newInvitation } from '../src/auth/invitation.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { newLink } from '../src/auth/link.ts'
import { ownerLetter } from '../src/auth/notice.ts'
import { readBackup, writeBackup } from '../src/backup-file.ts'
import { afterRestore } from '../src/store/backup.ts'
import type { Database } from '../src/store/database.ts'
import { knownTables } from '../src/store/migrate.ts'
import { databases } from './databases.ts'
import { type Freddy, type Person, SECRET, scene, startFreddy } from './freddy.ts'
import { shellBeside, shellOn } from './shell.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const restoring = (now: number) => allowed({ now, origin }, 'database.restored', { actor: 'shell' })

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A person with everything that may open a door: a session, a mailed code, a key, and a key that was revoked. */
async function livedIn(freddy: Freddy) {
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  const key = async (name: string) =>
    (await freddy.ask('POST /v1/api-keys', { token, body: { name } })).body
  const [live, revoked] = [await key('live'), await key('revoked')]
  await freddy.ask(`DELETE /v1/api-keys/${revoked.id}`, { token })
  freddy.pass(61_000)
  const challenge = (await freddy.login(ada)).body.email_key as string
  const code = Number(await freddy.codeFor(ada.email))
  for (const sql of [
    "INSERT INTO recovery_codes (hash, user_id, created_at) VALUES ('h', :user, 1)",
    "INSERT INTO passkey_enrolments (user_id, challenge_hash, expires_at) VALUES (:user, 'h', 1)",
  ])
    await freddy.database.write(sql, { user: ada.id })
  const { app } = freddy.running
  await app.store.links.keep(newLink(app, 'not-me', { userId: ada.id, now: freddy.now() }).row)
  const { row } = newInvitation(app, { address: 'cy@example.com', role: 'user', now: freddy.now() })
  const letter = ownerLetter({ app, origin, now: freddy.now() }, row.address, 'invitation')
  await app.store.invitations.create(row, letter, restoring(freddy.now()))
  await freddy.ask('POST /v1/auth/register', {
    body: { email: 'bob@example.com', password: ada.password },
  })
  return { ada, token, refreshToken, live, revoked, challenge, code }
}

async function makeBackup(freddy: Freddy, file: string): Promise<void> {
  const { app } = freddy.running
  const snapshot = await app.store.backup.snapshot()
  writeBackup(file, { keyring: app.keyring, snapshot, now: freddy.now() })
}

/** Tables that hold something which is not over. */
async function openDoors(database: Database): Promise<string[]> {
  const conditions = {
    sessions: 'ended_at IS NULL',
    challenges: 'ended_at IS NULL AND consumed_at IS NULL',
    mail_links: 'ended_at IS NULL AND consumed_at IS NULL',
    invitations: 'ended_at IS NULL AND consumed_at IS NULL',
    recovery_codes: 'used_at IS NULL',
    passkey_enrolments: '1 = 1',
    devices: 'ended_at IS NULL',
    registrations: '1 = 1',
    name_claims: '1 = 1',
    api_keys: 'revoked_at IS NULL AND paused_at IS NULL',
    outbox: 'sent_at IS NULL AND ended_at IS NULL',
  }
  const found: string[] = []
  for (const [table, condition] of Object.entries(conditions)) {
    const rows = await database.read(`SELECT 1 FROM ${table} WHERE ${condition}`)
    if (rows.length > 0) found.push(table)
  }
  return found
}

for (const target of databases) {
  scene(`what is restored into ${target.name} opens nothing by itself`, async (freddy, context) => {
    const file = join(folder(context), 'backup')
    const before = await livedIn(freddy)
    assert.equal((await openDoors(freddy.database)).length, 10, 'every door but a waiting letter')
    await makeBackup(freddy, file)

    const place = await target.open()
    const other = await startFreddy(place.url, target.name)
    context.after(async () => {
      await other.running.close()
      await other.mail.close()
      await place.drop()
    })
    const { app, outbox } = other.running
    other.pass(120_000)
    const snapshot = readBackup(file, app.keyring)
    assert.equal(await app.store.backup.restore(snapshot, restoring(other.now())), 'restored')

    assert.deepEqual(await openDoors(place.database), [])
    const opens = async (token: string) =>
      (await other.ask('GET /v1/auth/validate', { token })).status
    assert.equal(await opens(before.token), 401)
    const renewed = await other.ask('POST /v1/auth/refresh', {
      body: { refresh_token: before.refreshToken },
    })
    assert.equal(renewed.status, 401)
    assert.equal((await other.verify(before.challenge, before.code)).status, 401)
    await outbox.drain()
    assert.equal(other.mail.mails.length, 0, 'no letter of then goes out')

    const models = async (key: string) =>
      (await other.ask('GET /v1/models', { headers: { 'api-key': key } })).body.error?.code
    assert.equal(await models(before.live.key), 'API_KEY_PAUSED')
    const { resume, resumeOwn } = app.store.apiKeys
    const { id } = before.ada
    assert.equal(await resume(before.revoked.id, id, restoring(other.now())), false)
    assert.equal(await resumeOwn(before.live.id, id, restoring(other.now())), false)
    assert.equal(await resume(before.live.id, id, restoring(other.now())), true)
    other.pass(61_000)
    assert.equal(await models(before.live.key), undefined)

    assert.equal(await opens((await other.signIn(before.ada)).token), 200)
    while ((await sealEvents(app.store.audit)) > 0);
    assert.equal(await findBrokenSeal(app.store.audit), null)
    const again = await app.store.backup.restore(snapshot, restoring(other.now()))
    assert.equal(again, 'not empty')
  })
}

scene(
  'a database that came back by other means opens nothing once the shell was told',
  async (freddy) => {
    const { token, live } = await livedIn(freddy)
    const { app } = freddy.running
    const before = await openDoors(freddy.database)
    assert.ok(before.length > 8, before.join())
    const plan = shellOn(app.config, ['restored', '--json'])
    assert.deepEqual(JSON.parse(plan.stdout), { sessions: 1, apiKeys: 1, closed: false })
    assert.deepEqual(await openDoors(freddy.database), before, 'a plan ends nothing')
    const stranger = shellOn(app.config, ['restored', '--confirm'], {
      env: { SECRET_KEY: `${SECRET}x` },
    })
    assert.match(stranger.text, /another secret/)
    assert.equal(shellOn(app.config, ['restored', '--confirm']).status, 0)
    assert.deepEqual(await openDoors(freddy.database), [])
    freddy.pass(1000)
    assert.equal((await freddy.ask('GET /v1/models', { token })).status, 401)
    const paused = await freddy.ask('GET /v1/models', { headers: { 'api-key': live.key } })
    assert.equal(paused.body.error.code, 'API_KEY_PAUSED')
    while ((await sealEvents(app.store.audit)) > 0);
    assert.equal(await findBrokenSeal(app.store.audit), null)
  },
)

scene('a restore that cannot be whole leaves the database empty', async (freddy) => {
  const { backup, users } = freddy.running.app.store
  const { schema } = await backup.snapshot()
  const user = {
    id: 'usr_1',
    address: 'ada@example.com',
    created_at: 1,
    updated_at: 1,
    sessions_valid_after: 0,
  }
  const broken = [
    ['users', { ...user, id: 'usr_2' }],
    ['users', { 'id) SELECT 1; --': 'x' }],
    ['sqlite_master', { name: 'x' }],
  ] as const
  for (const row of broken) {
    const rows = [['users', user], row] as const
    await assert.rejects(backup.restore({ schema, rows }, restoring(1)))
    assert.equal(await users.find('usr_1'), null)
  }
  const later = { schema: [...schema, '9999-later'], rows: [] }
  assert.equal(await backup.restore(later, restoring(1)), 'newer')
})

scene('a backup that was cut, damaged or changed is refused', async (freddy, context) => {
  const { app } = freddy.running
  const path = folder(context)
  const file = join(path, 'backup')
  await freddy.person('ada')
  await makeBackup(freddy, file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(path), ['backup'])
  await assert.rejects(makeBackup(freddy, file), /there already/)

  const whole = readFileSync(file, 'utf8')
  const lines = whole.trimEnd().split('\n')
  const refuses = (text: string, why: RegExp, keyring = app.keyring) => {
    writeFileSync(join(path, 'other'), text)
    assert.throws(() => readBackup(join(path, 'other'), keyring), why)
  }
  refuses('', /not a backup/)
  refuses('SQLite format 3\0', /not a backup/)
  refuses(whole.slice(0, -1), /not a backup|damaged/)
  refuses(`${lines.slice(0, -1).join('\n')}\n`, /damaged or cut/)
  refuses([...lines.slice(0, 3), ...lines.slice(4), ''].join('\n'), /damaged or cut/)
  refuses(whole.replace('"user"', '"admin"'), /damaged or cut/)
  refuses(whole, /another secret/, createKeyring([`${SECRET}x`]))
  assert.throws(() => readBackup(join(path, 'none'), app.keyring), /cannot be read/)

  // Somebody who changes a row can make the sum right, but not the seal.
  const { createHash } = await import('node:crypto')
  const body = `${lines.slice(0, -1).join('\n').replace('"user"', '"admin"')}\n`
  const proof = {
    ...JSON.parse(lines.at(-1) ?? ''),
    sha256: createHash('sha256').update(body).digest('hex'),
  }
  refuses(`${body}${JSON.stringify(proof)}\n`, /changed by somebody/)
  // A secret that was put before the old one reads what the old one sealed.
  const rotated = createKeyring([`${SECRET}x`, SECRET])
  assert.ok(readBackup(file, rotated).rows.length > 0)
})

scene(
  'F36: the shell makes a backup beside the server and restores it',
  async (freddy, context) => {
    const path = folder(context)
    const file = join(path, 'backup')
    const ada: Person = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'ci' } })
    const made = shellBeside(freddy, ['backup', file])
    assert.equal(made.status, 0, made.text)
    assert.equal(shellBeside(freddy, ['restore', file]).status, 1)

    const empty = { databaseUrl: null, dataDir: join(path, 'other') }
    const stranger = shellOn(empty, ['restore', file], { env: { SECRET_KEY: `${SECRET}x` } })
    assert.equal(stranger.status, 1)
    assert.match(stranger.text, /another secret/)
    const restored = shellOn(empty, ['restore', file])
    assert.equal(restored.status, 0, restored.text)
    const keys = (word: string) => shellOn(empty, ['keys', word, body.id, '--user', 'ada'])
    assert.match(shellOn(empty, ['keys', 'list', '--user', 'ada']).text, /ci {2}paused/)
    assert.equal(keys('resume').status, 0)
    assert.equal(keys('resume').status, 1)
    assert.equal(keys('pause').status, 0)
    const tail = shellOn(empty, ['audit', 'tail']).text
    for (const event of ['database.restored', 'key.resumed', 'key.paused'])
      assert.match(tail, new RegExp(`${event}.* by shell`))
  },
)

test('every table says what a restore does with it', () => {
  assert.deepEqual(Object.keys(afterRestore).sort(), knownTables().sort())
})
