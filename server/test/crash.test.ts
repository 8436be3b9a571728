import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { databases } from './databases.ts'
import { PASSWORD } from './freddy.ts'
import { call, credentials, type ServerProcess, startProcess } from './server-process.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

const ROUNDS = 6
const CLIENTS = 4
/** Less than the grace of a replaced token. */
const GRACE_MS = 9000

/** What the clients were told, and what they do not know. */
interface Record_ {
  readonly users: Set<string>
  /** Keys whose code was sent, with how often a session was answered for them. */
  readonly keys: Map<string, { code: number; sessions: number }>
  /** Refresh tokens that were answered and not ended since. */
  readonly alive: Map<string, string>
  /** Tokens whose rotation was not answered, with the moment it was asked for. */
  readonly unsure: Map<string, number>
  readonly ended: Set<string>
  readonly apiKeys: Set<string>
}

for (const { name, open } of databases) {
  test(`F1 to F4: kill -9 under load loses nothing that was answered and makes no code work twice (${name})`, async () => {
    const place = await open()
    const sink = await startSmtpSink()
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    const env = {
      SMTP_URL: sink.url,
      DATA_DIR: name === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
      ...(name === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
      LIMITS: 'register-source=off,verify-source=off,refresh=off,requests=off',
    }
    const told: Record_ = {
      users: new Set(),
      keys: new Map(),
      alive: new Map(),
      unsure: new Map(),
      ended: new Set(),
      apiKeys: new Set(),
    }
    let server: ServerProcess | undefined
    try {
      server = await startProcess(env)
      for (let round = 0; round < ROUNDS; round++) {
        const stopped = { now: false }
        const running = server
        const clients = Array.from({ length: CLIENTS }, (_, client) =>
          live(running, sink, told, `c${client}r${round}`, stopped),
        )
        // A different moment each round, the same ones in each run; a slow machine is given more.
        const before = told.users.size
        await wait(150 + ((round * 137) % 500))
        for (let look = 0; look < 400 && told.users.size < before + 2; look++) await wait(25)
        await running.kill()
        stopped.now = true
        await Promise.all(clients)
        server = await startProcess(env)
        await judge(server, told)
      }
      assert.ok(told.users.size > ROUNDS, `only ${told.users.size} accounts came to be`)
      const doubled = await place.database.read(
        'SELECT consumed_by FROM challenges WHERE consumed_by IS NOT NULL GROUP BY consumed_by HAVING count(*) > 1',
      )
      assert.deepEqual(doubled, [])
    } finally {
      await server?.kill()
      await sink.close()
      await place.drop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

/** One client that registers people and lives their lives until its server is gone. */
async function live(
  server: ServerProcess,
  sink: SmtpSink,
  told: Record_,
  name: string,
  stopped: { now: boolean },
): Promise<void> {
  for (let count = 0; !stopped.now && count < 500; count++) {
    const email = `${name}n${count}@example.com`
    const registered = await call(server.base, '/v1/auth/register', { email, password: PASSWORD })
    if (registered?.status !== 201) continue
    const code = await codeFor(sink, email, stopped)
    if (!code) continue
    const key = String(registered.body.email_key)
    told.keys.set(key, { code, sessions: 0 })
    const verified = await call(server.base, '/v1/auth/verify', {
      email_key: key,
      verification_code: code,
    })
    if (verified?.status !== 200) continue
    told.users.add(email)
    told.keys.set(key, { code, sessions: 1 })
    await use(server, told, verified.body, count)
  }
}

async function use(
  server: ServerProcess,
  told: Record_,
  session: { token: string; refreshToken: string },
  count: number,
): Promise<void> {
  const bearer = { authorization: `Bearer ${session.token}` }
  told.alive.set(session.refreshToken, session.token)
  const made = await call(server.base, '/v1/api-keys', { name: 'k' }, bearer)
  if (made?.status === 201) told.apiKeys.add(made.body.key)
  if (count % 3 === 0) {
    told.alive.delete(session.refreshToken)
    const out = await call(server.base, '/v1/auth/logout', {}, bearer)
    if (out?.status === 200) told.ended.add(session.refreshToken)
  } else if (count % 3 === 1) {
    const body = { refresh_token: session.refreshToken, rotate: true }
    told.alive.delete(session.refreshToken)
    const asked = Date.now()
    const next = await call(server.base, '/v1/auth/refresh', body)
    if (next?.status === 200) told.alive.set(next.body.refreshToken, next.body.token)
    else told.unsure.set(session.refreshToken, asked)
  }
}

/** Reads the record against the server that came back. */
async function judge(server: ServerProcess, told: Record_): Promise<void> {
  for (const [key, known] of told.keys) {
    const body = { email_key: key, verification_code: known.code }
    for (let time = 0; time < 2; time++) {
      const again = await call(server.base, '/v1/auth/verify', body)
      if (again?.status === 200) known.sessions += 1
    }
    assert.ok(known.sessions <= 1, 'one code, one session')
  }
  for (const refresh_token of told.alive.keys()) {
    const answer = await call(server.base, '/v1/auth/refresh', { refresh_token })
    assert.equal(answer?.status, 200, `what was answered is there: ${JSON.stringify(answer)}`)
  }
  for (const [refresh_token, asked] of told.unsure) {
    const body = { refresh_token, rotate: true }
    const answers = [await call(server.base, '/v1/auth/refresh', body)]
    answers.push(await call(server.base, '/v1/auth/refresh', body))
    // Past the grace the parent of a rotation that did happen is one used again.
    if (Date.now() - asked > GRACE_MS) continue
    assert.deepEqual(
      answers.map((answer) => answer?.status),
      [200, 200],
      'an answer that got lost is asked for again',
    )
    assert.equal(answers[0]?.body.refreshToken, answers[1]?.body.refreshToken)
  }
  told.unsure.clear()
  for (const refresh_token of told.ended) {
    assert.equal((await call(server.base, '/v1/auth/refresh', { refresh_token }))?.status, 401)
  }
  for (const key of told.apiKeys) {
    assert.equal(
      (await call(server.base, '/v1/models', undefined, { 'api-key': key }))?.status,
      200,
    )
  }
  // Another person each round: the sign-in mails of one are capped.
  const email = [...told.users].at(-1)
  if (email)
    assert.equal((await call(server.base, '/v1/auth/login', credentials(email)))?.status, 200)
  told.keys.clear()
}

async function codeFor(
  sink: SmtpSink,
  email: string,
  stopped: { now: boolean },
): Promise<number | null> {
  for (let round = 0; round < 400 && !stopped.now; round++) {
    const code = sink.codeFor(email)
    if (code) return Number(code)
    await wait(5)
  }
  return null
}
