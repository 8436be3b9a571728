import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { refused } from '../src/auth/audit.ts'
import { sealEvents } from '../src/auth/audit-chain.ts'
import { databases } from './databases.ts'
import { DAY, type Freddy, PASSWORD, SECRET, scene } from './freddy.ts'
import { call, startProcess } from './server-process.ts'
import { shellBeside, shellOn } from './shell.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

/** One command after the other: each takes some seconds of the scene. */
function shell(freddy: Freddy, words: string, input = '') {
  const said = shellBeside(freddy, words.split(' '), { input })
  freddy.pass(5000)
  return said
}

test('wrong words end with 2 and a hint, and do nothing', () => {
  const nowhere = { databaseUrl: null, dataDir: '/nonexistent/place' }
  const hints = {
    nonsense: /Unknown command nonsense\n {2}See: freddy-auth --help/,
    users: /No command specified.\n {2}See: freddy-auth users --help/,
    'users nonsense': /Unknown command nonsense/,
    'users list --jsno': /Unknown option --jsno\n {2}See: freddy-auth users --help/,
    'users show': /Missing required positional argument: USER/,
    'users show ada bob': /Unknown word bob/,
    'keys list': /Missing required argument: --user/,
  }
  for (const [words, hint] of Object.entries(hints)) {
    const { status, stdout, stderr } = shellOn(nowhere, words.split(' '))
    assert.equal(status, 2, words)
    assert.equal(stdout, '', words)
    assert.match(stderr, hint, words)
  }
  assert.equal(shellOn(nowhere, ['users', 'list']).status, 1, 'a failure is not a wrong word')
  const help = shellOn(nowhere, ['users', '--help'])
  assert.equal(help.status, 0)
  assert.match(help.stdout, /set-password/)
})

scene(
  'the operator adds people and keys, for programs too, and the trail says who',
  async (freddy) => {
    const added = shell(freddy, 'users add ada@example.com --name ada --json')
    const { id, password } = JSON.parse(added.stdout)
    assert.equal((await freddy.login({ email: 'ada@example.com', password })).status, 200)
    const again = shell(freddy, 'users add ada@example.com')
    assert.equal(again.status, 1)
    const made = JSON.parse(shell(freddy, 'keys create --user ada --scopes models --json').stdout)
    const models = await freddy.ask('GET /v1/models', { headers: { 'api-key': made.key } })
    assert.equal(models.status, 200)
    assert.equal(
      JSON.parse(shell(freddy, `keys revoke --user ada --json ${made.id}`).stdout).id,
      made.id,
    )
    assert.equal(JSON.parse(shell(freddy, 'users role ada admin --json').stdout).role, 'admin')
    const rows = await freddy.database.read(
      "SELECT event, user_id FROM audit_events WHERE actor = 'shell' ORDER BY happened_at",
    )
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      ['user.created', 'key.created', 'key.revoked', 'user.made_admin'].map((event) => ({
        event,
        user_id: id,
      })),
    )
  },
)

scene('the operator makes a key as narrow as its owner could', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const create = (words: string) => shell(freddy, `keys create --user ada ${words}`)
  const spent = '--tokens-per-day 5000 --tokens-per-month 90000 --money-per-day 0.5'
  const bounds = `--models echo-1,small-* --networks 127.0.0.0/8,::1 --requests-per-minute 30 ${spent}`
  const more =
    '--money-per-month 12.5 --requests-per-day 500 --labels env=prod,team= --expires never'
  const made = create(`--scopes responses,usage:read ${bounds} ${more} --json`)
  assert.equal(made.status, 0, made.text)
  const { id, key } = JSON.parse(made.stdout)
  const { body } = await freddy.ask(`GET /v1/api-keys/${id}`, { token })
  assert.deepEqual(
    [body.scopes, body.models, body.networks, body.expires_at, body.labels],
    [
      ['responses', 'usage:read'],
      ['echo-1', 'small-*'],
      ['127.0.0.0/8', '::1'],
      null,
      { env: 'prod', team: '' },
    ],
  )
  assert.deepEqual(body.limits, {
    requests_per_minute: 30,
    requests_per_day: 500,
    tokens_per_day: 5000,
    tokens_per_month: 90_000,
    money_per_day: 0.5,
    money_per_month: 12.5,
  })
  const asked = await freddy.ask('GET /v1/api-key', { headers: { 'api-key': key } })
  assert.equal(asked.status, 200)
  assert.equal(await liveKeys(freddy), 1)

  const wrong = {
    '--tokens-per-day none --requests-per-day 0':
      /limits.requests_per_day: must be >= 1; limits.tokens_per_day: must be integer/,
    '--requests-per-minute 101': /limits.requests_per_minute: at most 100 on this server/,
    '--days 5 --expires never': /Say either --days or --expires/,
    '--labels env': /--labels takes NAME=VALUE/,
  }
  for (const [words, hint] of Object.entries(wrong)) {
    const said = create(words)
    assert.equal(said.status, 1, words)
    assert.match(said.stderr, hint, words)
  }
  assert.equal(await liveKeys(freddy), 1)
})

async function liveKeys({ database }: Freddy): Promise<number> {
  return (await database.read('SELECT id FROM api_keys')).length
}

scene('a password set by standard input opens, and ends every session', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const set = shell(freddy, 'users set-password ada --password-stdin', 'another long sentence\n')
  assert.equal(set.status, 0, set.text)
  assert.doesNotMatch(set.text, /another long sentence/)
  assert.equal(shell(freddy, 'users set-password ada --password-stdin', 'short\n').status, 1)
  freddy.pass(61_000)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
  assert.equal((await freddy.login(ada)).status, 401)
  assert.equal((await freddy.login({ ...ada, password: 'another long sentence' })).status, 200)
})

scene('the exported trail is whole, in order, and holds nothing secret', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  const { status, stdout } = shell(freddy, 'audit export')
  assert.equal(status, 0)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    rows.map(({ position }) => position),
    rows.map((_, index) => index + 1),
  )
  const kept = await freddy.database.read('SELECT id FROM audit_events')
  assert.equal(rows.length, kept.length)
  for (const secret of [token, refreshToken, PASSWORD, ada.email])
    assert.ok(!stdout.includes(secret))
  assert.deepEqual(JSON.parse(shell(freddy, 'audit verify --json').stdout), {
    whole: true,
    broken_at: null,
  })
})

scene(
  'the trail is kept as long as AUDIT_DAYS says',
  async (freddy) => {
    const { app } = freddy.running
    const origin = { address: '', source: '', network: null, agent: '' }
    await app.store.audit.record(refused({ now: freddy.now(), origin }, 'login.refused'))
    await sealEvents(app.store.audit)
    const left = async () => (await app.store.audit.listSealed(0, 10)).length
    freddy.pass(30 * DAY - 1000)
    await app.store.sweep.expired(freddy.now(), app.config)
    assert.equal(await left(), 1)
    freddy.pass(1000)
    await app.store.sweep.expired(freddy.now(), app.config)
    assert.equal(await left(), 0)
  },
  { env: { AUDIT_DAYS: '30' } },
)

for (const { name: engine, open } of databases) {
  test(`a session outlives a new secret and the restart after it (${engine})`, async (context) => {
    const place = await open()
    const sink = await startSmtpSink()
    const dataDir = mkdtempSync(join(tmpdir(), 'freddy-'))
    context.after(async () => {
      await sink.close()
      await place.drop()
      rmSync(dataDir, { recursive: true, force: true })
    })
    const where = { databaseUrl: engine === 'PostgreSQL' ? place.url : null, dataDir }
    const env = {
      DATA_DIR: dataDir,
      SECRET_KEY: '',
      SMTP_URL: sink.url,
      ...(where.databaseUrl ? { DATABASE_URL: where.databaseUrl } : {}),
    }
    const file = join(dataDir, 'secret.key')
    writeFileSync(file, `${SECRET}\n`, { mode: 0o600 })
    const add = ['users', 'add', 'ada@example.com', '--password-stdin']
    shellOn(where, add, { env, input: PASSWORD })

    const before = await startProcess(env)
    context.after(before.kill)
    const { token, refreshToken } = await enter(before.base, sink)
    const rotated = shellOn(where, ['secret', 'rotate'], { env })
    assert.equal(rotated.status, 0, rotated.text)
    const [fresh, old] = readFileSync(file, 'utf8').trim().split('\n')
    assert.equal(old, SECRET)
    assert.notEqual(fresh, SECRET)
    await before.stop()

    const after = await startProcess(env)
    context.after(after.kill)
    const authorization = { authorization: `Bearer ${token}` }
    assert.equal(
      (await call(after.base, '/v1/auth/validate', undefined, authorization))?.status,
      200,
    )
    const renewed = await call(after.base, '/v1/auth/refresh', { refresh_token: refreshToken })
    assert.equal(renewed?.status, 200)
    await after.stop()

    // The old secret dropped too early ends what it made, with 401 and not with 500.
    writeFileSync(file, `${fresh}\n`)
    const early = await startProcess(env)
    context.after(early.kill)
    assert.equal(
      (await call(early.base, '/v1/auth/validate', undefined, authorization))?.status,
      401,
    )
    await early.stop()
    assert.match(shellOn(where, ['audit', 'tail'], { env }).text, /secret\.rotated .* by shell/)
  })
}

/** Signs Ada in over the wire. */
async function enter(base: string, sink: SmtpSink) {
  const email = 'ada@example.com'
  const begun = await call(base, '/v1/auth/login', { email_or_username: email, password: PASSWORD })
  for (let round = 0; round < 400 && !sink.codeFor(email); round++) await wait(10)
  const body = { email_key: begun?.body.email_key, verification_code: Number(sink.codeFor(email)) }
  const verified = await call(base, '/v1/auth/verify', body)
  assert.equal(verified?.status, 200, JSON.stringify(verified))
  return verified.body
}
