import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { openOperator } from '../src/app.ts'
import { recordRefusal } from '../src/auth/audit.ts'
import { sealEvents } from '../src/auth/audit-chain.ts'
import { examine, type Finding } from '../src/doctor.ts'
import { BACKUP_SETTING } from '../src/store/settings.ts'
import { DAY, type Freddy, SECRET, scene } from './freddy.ts'
import { shellOn } from './shell.ts'

/** What the checks find in the scene's own server, at its own time. */
async function findings(freddy: Freddy, checkMail = async () => {}) {
  const { app } = freddy.running
  const found = await examine({
    app,
    checkMail,
    countsTogether: async () => true,
    checkSecret: async () => {},
    close: async () => {},
  })
  return (name: string) => {
    const finding = found.find(({ check }) => check === name)
    assert.ok(finding, name)
    return finding
  }
}

function doctor(freddy: Freddy, env: Record<string, string> = {}) {
  const { status, stdout } = shellOn(freddy.running.app.config, ['doctor', '--json'], { env })
  const found: Finding[] = JSON.parse(stdout)
  return { status, bad: found.filter(({ state }) => state === 'bad').map(({ check }) => check) }
}

scene('the doctor of a new server on this machine finds nothing bad', async (freddy) => {
  assert.deepEqual(doctor(freddy), { status: 0, bad: [] })
  const { stdout } = shellOn(freddy.running.app.config, ['doctor'])
  assert.match(stdout, new RegExp(`^good {2}database {2}${freddy.engine}, schema \\d{4}`, 'm'))
  assert.match(stdout, /^note {2}mail {6}stays on this machine\n {16}Set SMTP_URL/m)
})

scene('the doctor finds another secret, plain http, dead mail, and no backup', async (freddy) => {
  const env = {
    SECRET_KEY: `${SECRET}x`,
    PUBLIC_URL: 'http://auth.example.com',
    SMTP_URL: 'smtp://127.0.0.1:1',
  }
  assert.deepEqual(doctor(freddy, env), { status: 1, bad: ['secret', 'mail', 'address', 'backup'] })
  assert.deepEqual(doctor(freddy, { PORT: 'x', WORKERS: '0' }).bad, ['start', 'start'])

  const operator = await openOperator(freddy.running.app.config)
  await operator.checkMail()
  await operator.close()
})

scene('the doctor finds a secret that others can read', async (freddy) => {
  const { dataDir } = freddy.running.app.config
  const folder = join(dataDir, 'of-its-own')
  const look = () =>
    shellOn({ databaseUrl: null, dataDir: folder }, ['doctor'], { env: { SECRET_KEY: '' } })
  assert.equal(look().status, 0)
  chmodSync(join(folder, 'secret.key'), 0o644)
  const { status, text } = look()
  assert.equal(status, 1)
  assert.match(text, /bad {3}secret .* can be read by others\n +chmod 600/)
})

scene('the doctor finds an old backup, a late letter and a changed trail', async (freddy) => {
  const { app } = freddy.running
  const ada = await freddy.person('ada')
  const call = {
    app,
    now: freddy.now(),
    origin: { address: '', source: '', network: null, agent: '' },
  }
  await recordRefusal(call, 'login.refused', { userId: ada.id })
  await sealEvents(app.store.audit)
  await app.store.settings.put(BACKUP_SETTING, String(freddy.now()))
  const before = await findings(freddy)
  for (const name of ['backup', 'letters', 'trail', 'mail'])
    assert.equal(before(name).state, 'good')

  freddy.mail.behaviour.delays = 100
  await freddy.login(ada)
  freddy.pass(2 * 60_000)
  assert.equal((await findings(freddy))('letters').state, 'bad')
  freddy.pass(8 * DAY)
  await freddy.database.write("UPDATE audit_events SET reason = 'nothing'")
  const after = await findings(freddy, () => Promise.reject(new Error('away')))
  for (const name of ['backup', 'trail', 'mail']) assert.equal(after(name).state, 'bad', name)
  assert.match(after('backup').told, /8 days old/)
})

scene('the doctor finds a clock that went wrong', async (freddy) => {
  const { app } = freddy.running
  const at = async (now: number) => {
    const operator = {
      checkMail: async () => {},
      countsTogether: async () => true,
      checkSecret: async () => {},
      close: async () => {},
    }
    const found = await examine({ ...operator, app: { ...app, now: () => now } })
    return found.find(({ check }) => check === 'clock')
  }
  const there = await app.store.inspection.now()
  assert.equal((await at(there))?.state, 'good')
  assert.match((await at(there + 60_000))?.told ?? '', /apart from the database/)
  const call = {
    app,
    now: there + DAY,
    origin: { address: '', source: '', network: null, agent: '' },
  }
  await recordRefusal(call, 'login.refused', {})
  assert.match((await at(there))?.told ?? '', /behind the newest event/)
})
