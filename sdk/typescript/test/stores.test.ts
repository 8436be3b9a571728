import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { childEnv } from '../../../server/test/child-env.ts'
import { HOUR, scene } from '../../../server/test/freddy.ts'
import { memoryStore, type TokenStore, type Tokens } from '../src/index.ts'
import { fileStore, type Places, placesOf, systemStore } from '../src/node/index.ts'
import { clientOf, signedIn, timesOf } from './server.ts'

const BASE = 'https://auth.example.com/v1'
const tokens: Tokens = { token: 'access-of-ada', refreshToken: 'refresh-of-ada' }

function emptyPlaces(context: TestContext): Places {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return { config: join(folder, 'config'), state: join(folder, 'state') }
}

async function keepsAndForgets(store: TokenStore): Promise<void> {
  assert.equal(await store.read(), null)
  await store.write(tokens)
  assert.deepEqual(await store.read(), tokens)
  await store.write({ ...tokens, token: 'another' })
  assert.equal((await store.read())?.token, 'another')
  await store.clear()
  assert.equal(await store.read(), null)
  await store.clear()
}

test('memory and file keep tokens and forget them', async (context) => {
  await keepsAndForgets(memoryStore())
  await keepsAndForgets(fileStore(BASE, { places: emptyPlaces(context) }))
  await keepsAndForgets(fileStore(BASE, { places: emptyPlaces(context), key: Buffer.alloc(32, 7) }))
})

test('nothing of a token can be read in the file, and nobody else may read it', async (context) => {
  const places = emptyPlaces(context)
  const { path, write, read } = fileStore(BASE, { places })
  await write(tokens)
  const bytes = readFileSync(path)
  for (const secret of ['access-of-ada', 'refresh-of-ada', 'refreshToken'])
    assert.equal(bytes.includes(secret), false, secret)
  const key = join(places.config, 'session.key')
  assert.deepEqual(
    [path, key, join(path, '..'), places.config].map((each) => statSync(each).mode & 0o777),
    [0o600, 0o600, 0o700, 0o700],
  )
  assert.deepEqual(readdirSync(join(path, '..')).length, 1, 'no draft is left')
  chmodSync(path, 0o644)
  await assert.rejects(read(), /Others may read/)
})

test('a file that was changed, moved or sealed under another key is as none', async (context) => {
  const places = emptyPlaces(context)
  const store = fileStore(BASE, { places })
  await store.write(tokens)
  const other = fileStore('https://other.example.com/v1', { places })
  copyFileSync(store.path, other.path)
  assert.equal(await other.read(), null)
  assert.equal(await fileStore(BASE, { places, key: Buffer.alloc(32) }).read(), null)
  const bytes = readFileSync(store.path)
  bytes[40] = (bytes[40] ?? 0) ^ 1
  writeFileSync(store.path, bytes)
  assert.equal(await store.read(), null)
  writeFileSync(store.path, 'short')
  assert.equal(await store.read(), null)
})

test('many who begin at once agree on one key', async (context) => {
  const places = emptyPlaces(context)
  const stores = Array.from({ length: 20 }, (_, n) => fileStore(`${BASE}/${n}`, { places }))
  await Promise.all(stores.map((store) => store.write(tokens)))
  for (const store of stores) assert.deepEqual(await store.read(), tokens)
})

test('each system has its own place', () => {
  assert.deepEqual(placesOf('linux', {}, '/home/ada'), {
    config: '/home/ada/.config/freddy',
    state: '/home/ada/.local/state/freddy',
  })
  assert.equal(placesOf('linux', { XDG_STATE_HOME: '/state' }, '/home/ada').state, '/state/freddy')
  assert.match(placesOf('darwin', {}, '/Users/ada').state, /Application Support.freddy$/)
  assert.match(placesOf('win32', { APPDATA: 'C:/ada' }, 'C:/home').config, /^C:.ada.freddy$/)
})

test('where there is no key chain, an encrypted file keeps the tokens', async (context) => {
  const address = process.env.DBUS_SESSION_BUS_ADDRESS
  process.env.DBUS_SESSION_BUS_ADDRESS = 'unix:path=/nonexistent'
  context.after(() => {
    if (address === undefined) delete process.env.DBUS_SESSION_BUS_ADDRESS
    else process.env.DBUS_SESSION_BUS_ADDRESS = address
  })
  const places = emptyPlaces(context)
  const store = await systemStore(BASE, { places })
  assert.equal(store.place, fileStore(BASE, { places }).path)
  await keepsAndForgets(store)
})

const hasSecretService = ['dbus-run-session', 'gnome-keyring-daemon'].every(
  (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0,
)

/** Begins one that is open, and goes on when the bus knows it. */
const secretService = `printf pw | gnome-keyring-daemon --unlock --components=secrets
for round in $(seq 200); do
  dbus-send --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \\
    string:org.freedesktop.secrets | grep -q true && break
  sleep 0.05
done`

test('the key chain keeps tokens and forgets them', {
  skip: hasSecretService ? false : 'gnome-keyring is not installed here',
}, async (context) => {
  const { state: home } = emptyPlaces(context)
  mkdirSync(home, { recursive: true })
  const script = fileURLToPath(new URL('keychain.ts', import.meta.url))
  const run = [process.execPath, '--disable-warning=ExperimentalWarning', script]
  const { stdout, stderr, status } = spawnSync(
    'dbus-run-session',
    ['sh', '-c', `${secretService}\nexec "$@"`, 'sh', ...run],
    { encoding: 'utf8', env: { ...childEnv(), HOME: home }, timeout: 60_000 },
  )
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^null access-of-ada null the system's key chain$/m)
})

scene(
  'a program that starts again is still signed in, until it signs out',
  async (freddy, context) => {
    const store = fileStore(BASE, { places: emptyPlaces(context) })
    await signedIn(freddy, await freddy.person('ada'), { store })
    freddy.pass(25 * HOUR)
    const later = await clientOf(freddy, { store })
    assert.equal((await later.me()).username, 'ada')
    assert.equal(await timesOf(freddy, 'session.refreshed'), 1)
    const third = await clientOf(freddy, { store })
    assert.throws(() => third.getHeaders(), /Sign in first/)
    assert.equal(await third.restore(), true)
    assert.match(String(third.getHeaders().Authorization), /^Bearer ey/)
    await third.logout()
    assert.equal(await store.read(), null)
  },
)
