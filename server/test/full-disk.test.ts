import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { attachStrace } from './faults/strace.ts'
import { PASSWORD, wrongCode } from './freddy.ts'
import { call, credentials, type ServerProcess, startProcess } from './server-process.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

/** A server in a process of its own, with Ada signed in and a key of hers. */
interface Scene {
  readonly server: ServerProcess
  readonly sink: SmtpSink
  readonly folder: string
  readonly bearer: Record<string, string>
  readonly key: Record<string, string>
  readonly refresh_token: string
}

async function openScene(t: TestContext): Promise<Scene> {
  const sink = await startSmtpSink()
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const server = await startProcess({ SMTP_URL: sink.url, DATA_DIR: folder })
  t.after(async () => {
    await server.kill()
    await sink.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { base } = server
  const email = 'ada@example.com'
  const begun = await call(base, '/v1/auth/register', { email, password: PASSWORD })
  const proof = { email_key: begun?.body.email_key, verification_code: await codeFor(sink, 1) }
  const { token, refreshToken } = (await call(base, '/v1/auth/verify', proof))?.body ?? {}
  const bearer = { authorization: `Bearer ${token}` }
  const made = await call(base, '/v1/api-keys', { name: 'k' }, bearer)
  const key = { 'api-key': String(made?.body.key) }
  return { server, sink, folder, bearer, key, refresh_token: refreshToken }
}

async function codeFor(sink: SmtpSink, count: number): Promise<string> {
  for (;;) {
    const code = sink.codesFor('ada@example.com')[count - 1]
    if (code) return code
    await wait(10)
  }
}

/** The largest file that this process may write from now on; what is larger stays, and can be read. */
function allowBytes({ child }: ServerProcess, most: number | 'unlimited'): void {
  execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${most}:`])
}

test('F10: where nothing can be written, who is known goes on, no guess is free, and all comes back by itself', async (t) => {
  const scene = await openScene(t)
  const { server, sink, bearer, key, refresh_token, folder } = scene
  const { base } = server
  const login = await call(base, '/v1/auth/login', credentials('ada@example.com'))
  const email_key = login?.body.email_key
  const code = await codeFor(sink, 2)
  const wrong = { email_key, verification_code: wrongCode(code) }
  const status = async (path: string, body?: object, headers = {}) =>
    (await call(base, path, body, headers))?.status

  allowBytes(server, 0)
  assert.equal(await status('/livez'), 200)
  assert.equal(await status('/readyz'), 503)
  assert.equal(await status('/v1/auth/validate', undefined, bearer), 200)
  assert.equal(await status('/v1/models', undefined, key), 200)
  const asked = { model: 'echo-1', input: 'Hello' }
  assert.equal(await status('/v1/responses', asked, key), 200)
  for (let guess = 0; guess < 8; guess++) {
    assert.equal(await status('/v1/auth/verify', wrong), 503, 'what cannot be counted is not tried')
  }
  assert.equal(await status('/v1/auth/verify', { email_key, verification_code: code }), 503)
  assert.equal(await status('/v1/auth/login', credentials('ada@example.com')), 503)
  assert.equal(await status('/v1/auth/refresh', { refresh_token, rotate: true }), 503)
  assert.equal(await status('/v1/auth/logout', {}, bearer), 503)
  const other = { email: 'bob@example.com', password: PASSWORD }
  assert.equal(await status('/v1/auth/register', other), 503)

  allowBytes(server, 'unlimited')
  assert.equal(await status('/readyz'), 200)
  assert.equal(await status('/v1/auth/validate', undefined, bearer), 200, 'it was not signed out')
  assert.equal(await status('/v1/auth/verify', { email_key, verification_code: code }), 200)
  assert.equal(await status('/v1/auth/refresh', { refresh_token, rotate: true }), 200)
  assert.equal(await status('/v1/auth/register', other), 201)
  await server.stop()
  requireWhole(folder)
})

function requireWhole(folder: string): void {
  const database = new DatabaseSync(join(folder, 'freddy.db'))
  try {
    assert.equal(database.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok')
    const billed = database.prepare('SELECT count(*) AS count FROM usage_entries').get()
    assert.equal(billed?.count, 1, 'what was said meanwhile is booked')
  } finally {
    database.close()
  }
}

test('F8: a write that the disk did not sync is not answered as kept, and the file is looked at before the next', async (t) => {
  const { server, folder, key } = await openScene(t)
  const { base } = server
  const asked = { model: 'echo-1', input: 'Hello' }
  assert.equal((await call(base, '/v1/responses', asked, key))?.status, 200)
  const failing = await failNextSync(server).catch(String)
  // Where nobody may look into another process, no disk can be made to die.
  if (typeof failing === 'string') return t.skip(failing)
  t.after(() => failing.end())
  const register = (name: string) =>
    call(base, '/v1/auth/register', { email: `${name}@example.com`, password: PASSWORD })
  const answers = [await register('bob'), await register('cleo'), await register('dora')]
  const statuses = answers.map((answer) => answer?.status)
  await failing.end()
  // A job of ours may have written before Bob, and failed in his place.
  assert.ok(failing.hasTampered(), 'a sync failed')
  assert.deepEqual(statuses.slice(1), [201, 201])
  await server.stop()
  requireWhole(folder)
  const database = new DatabaseSync(join(folder, 'freddy.db'))
  const rows = database.prepare('SELECT address FROM registrations ORDER BY address').all()
  database.close()
  const kept = ['bob', 'cleo', 'dora'].filter((_, index) => statuses[index] === 201)
  assert.deepEqual(
    rows.map(({ address }) => address),
    kept.map((name) => `${name}@example.com`),
  )
})

/** The next sync of each thread fails as on a dying disk. */
const failNextSync = (server: ServerProcess) =>
  attachStrace(server, [
    ...['-e', 'trace=fsync,fdatasync'],
    ...['-e', 'inject=fsync,fdatasync:error=EIO:when=1'],
  ])

test('F45: a server that may open no file more says so, answers who is there, and goes on when it may', async (t) => {
  const { server, bearer, key } = await openScene(t)
  const { base, child } = server
  const status = async (path: string, body?: object, headers = {}) =>
    (await call(base, path, body, headers))?.status
  const allow = (files: number) =>
    execFileSync('prlimit', [`--pid=${child.pid}`, `--nofile=${files}:`])
  assert.equal(await status('/v1/user/export', undefined, bearer), 200)
  // Those that it has stay open.
  allow(3)
  assert.equal(await status('/v1/user/export', undefined, bearer), 503)
  assert.equal(await status('/v1/models', undefined, key), 200)
  assert.equal(await status('/v1/auth/login', credentials('ada@example.com')), 200)
  const stranger = await fetch(`${base}/livez`, { headers: { connection: 'close' } }).catch(
    () => null,
  )
  assert.ok(stranger === null || stranger.status === 200, 'nobody is left waiting')
  allow(1024)
  assert.equal(await status('/v1/user/export', undefined, bearer), 200)
  assert.equal(await status('/readyz'), 200)
})
