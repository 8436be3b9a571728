import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { databases } from './databases.ts'
import { PASSWORD, wrongCode } from './freddy.ts'
import { call, credentials, type Said, type ServerProcess, startProcess } from './server-process.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

interface Pair {
  readonly both: readonly [ServerProcess, ServerProcess]
  readonly sink: SmtpSink
  readonly database: { read: <R>(sql: string) => Promise<R[]> }
}

/** Two servers on one database, as behind a load balancer. */
function pair(name: string, tell: (pair: Pair) => Promise<void>): void {
  for (const { name: engine, open } of databases) {
    test(`F35: ${name}, over two processes (${engine})`, async () => {
      const place = await open()
      const sink = await startSmtpSink()
      const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
      const env = {
        SMTP_URL: sink.url,
        DATA_DIR: engine === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
        ...(engine === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
      }
      const servers: ServerProcess[] = []
      try {
        servers.push(...(await Promise.all([startProcess(env), startProcess(env)])))
        const [one, two] = servers
        assert.ok(one && two)
        await tell({ both: [one, two], sink, database: place.database })
      } finally {
        for (const server of servers) await server.kill()
        await sink.close()
        await place.drop()
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
}

/** So many calls at once, every other one on the other server. */
function burst(
  { both }: Pair,
  count: number,
  path: string,
  body: object,
): Promise<(Said | null)[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      call(both[index % 2 === 0 ? 0 : 1].base, path, body),
    ),
  )
}

const tally = (answers: readonly (Said | null)[], status: number) =>
  answers.filter((answer) => answer?.status === status).length

async function codeFor(sink: SmtpSink, email: string, not?: string): Promise<string> {
  for (let round = 0; round < 400; round++) {
    const code = sink.codeFor(email)
    if (code && code !== not) return code
    await wait(10)
  }
  throw new Error(`no code for ${email}`)
}

async function enter({ both, sink }: Pair, email: string) {
  const begun = await call(both[0].base, '/v1/auth/register', { email, password: PASSWORD })
  const code = await codeFor(sink, email)
  const body = { email_key: begun?.body.email_key, verification_code: Number(code) }
  const verified = await call(both[1].base, '/v1/auth/verify', body)
  assert.equal(verified?.status, 200, JSON.stringify(verified))
  return { ...verified.body, code }
}

pair('a hundred wrong passwords at once are five', async (two) => {
  await enter(two, 'ada@example.com')
  const body = { ...credentials('ada@example.com'), password: 'not the password' }
  const answers = await burst(two, 100, '/v1/auth/login', body)
  // A busy machine may turn some away unheard (503): those are no guesses, and no more than five are.
  assert.equal(tally(answers, 401) + tally(answers, 429) + tally(answers, 503), 100)
  const next = await burst(two, 10, '/v1/auth/login', body)
  assert.ok(tally(answers, 401) + tally(next, 401) <= 5)
  assert.equal((await call(two.both[0].base, '/v1/auth/login', body))?.status, 429)
})

pair('fifty wrong codes at once are five, one right code is one session', async (two) => {
  const { code: first } = await enter(two, 'ada@example.com')
  const login = await call(two.both[0].base, '/v1/auth/login', credentials('ada@example.com'))
  const code = await codeFor(two.sink, 'ada@example.com', first)
  const email_key = login?.body.email_key
  const wrong = { email_key, verification_code: wrongCode(code) }
  const guesses = await burst(two, 50, '/v1/auth/verify', wrong)
  assert.equal(tally(guesses, 401), 5)
  assert.equal(tally(guesses, 429), 45)

  const again = await call(two.both[1].base, '/v1/auth/login', credentials('ada@example.com'))
  const next = await codeFor(two.sink, 'ada@example.com', code)
  const right = { email_key: again?.body.email_key, verification_code: Number(next) }
  const answers = await burst(two, 20, '/v1/auth/verify', right)
  assert.equal(tally(answers, 200), 1)
  assert.equal(tally(answers, 401), 19)
  const sessions = await two.database.read<{ count: number }>(
    'SELECT count(*) AS count FROM sessions',
  )
  assert.equal(sessions[0]?.count, 2)
})

pair('registrations of one address and one name at once are one row', async (two) => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      call(two.both[index % 2 === 0 ? 0 : 1].base, '/v1/auth/register', {
        email: index < 10 ? 'ada@example.com' : 'ADA@example.com',
        password: PASSWORD,
        user_name: 'ada',
      }),
    ),
  )
  assert.equal(tally(answers, 201) + tally(answers, 409) + tally(answers, 503), 20)
  assert.ok(tally(answers, 201) > 0)
  assert.equal((await two.database.read('SELECT address FROM registrations')).length, 1)
})

pair('twenty rotations of one token at once are one successor', async (two) => {
  const { refreshToken } = await enter(two, 'ada@example.com')
  const answers = await burst(two, 20, '/v1/auth/refresh', {
    refresh_token: refreshToken,
    rotate: true,
  })
  assert.equal(tally(answers, 200), 20)
  assert.equal(new Set(answers.map((answer) => answer?.body.refreshToken)).size, 1)
})

pair('signing out on one is signing out on the other within a second', async (two) => {
  const { token } = await enter(two, 'ada@example.com')
  const bearer = { authorization: `Bearer ${token}` }
  for (const { base } of two.both) {
    assert.equal((await call(base, '/v1/auth/validate', undefined, bearer))?.status, 200)
  }
  assert.equal((await call(two.both[0].base, '/v1/auth/logout', {}, bearer))?.status, 200)
  assert.equal((await call(two.both[0].base, '/v1/auth/validate', undefined, bearer))?.status, 401)
  await wait(1000)
  assert.equal((await call(two.both[1].base, '/v1/auth/validate', undefined, bearer))?.status, 401)
})

pair('a letter goes out once', async (two) => {
  for (let count = 0; count < 5; count++) await enter(two, `p${count}@example.com`)
  await wait(1500)
  const ids = two.sink.mails.map(({ messageId }) => messageId)
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(ids.length, 5)
})

test('SIGTERM lets what is under way finish and ends with 0; a second start finds everything', async (t) => {
  const [{ open }] = databases
  const place = await open()
  t.after(() => place.drop())
  const sink = await startSmtpSink()
  const env = { SMTP_URL: sink.url, DATA_DIR: place.url.slice(0, place.url.lastIndexOf('/')) }
  const server = await startProcess(env)
  // In this order: a mail server waits for who is still connected.
  t.after(() => server.kill().then(() => sink.close()))
  const under = await halfSaid(server.base, '/v1/auth/login', credentials('nobody@example.com'))
  const code = server.stop()
  while ((await call(server.base, '/readyz'))?.status === 200) await wait(5)
  assert.match(await under.finish(), /^HTTP\/1.1 401 /)
  assert.equal(await code, 0)
  const again = await startProcess(env)
  t.after(() => again.kill())
  assert.equal((await call(again.base, '/readyz'))?.status, 200)
})

/** A request of which the server has the head and half of the body. */
async function halfSaid(base: string, path: string, body: object) {
  const { hostname, port, host } = new URL(base)
  const text = JSON.stringify(body)
  const socket = connect(Number(port), hostname)
  let heard = ''
  socket.setEncoding('utf8').on('data', (part) => (heard += part))
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}`
  socket.write(`${head}\r\n\r\n${text.slice(0, 9)}`)
  // What came on a later connection is answered later.
  assert.equal((await call(base, '/readyz'))?.status, 200)
  return {
    async finish(): Promise<string> {
      socket.write(text.slice(9))
      await once(socket, 'close')
      return heard
    },
  }
}

test('what keeps a server from starting is one sentence and exit code 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const cases: [Record<string, string>, RegExp][] = [
    [
      { PORT: 'x', CODE_DIGITS: '3', LIMITS: 'nothing=1/1' },
      /PORT: takes 0 to 65535[\s\S]*CODE_DIGITS: takes 4 to 8[\s\S]*LIMITS: takes/,
    ],
    [{ HOST: '0.0.0.0' }, /SMTP_URL:[\s\S]*PUBLIC_URL:/],
    [{ SECRET_KEY: 'changeme' }, /SECRET_KEY: has fewer than 32 bytes/],
    [{ SECRET_KEY: 'a'.repeat(64) }, /SECRET_KEY: repeats itself/],
    [
      { SECRET_KEY: 'your-256-bit-secret-your-256-bit-secret' },
      /SECRET_KEY: is one that stands in examples/,
    ],
    [{ DATA_DIR: join(folder, 'missing', 'data') }, /parent folder is missing/],
    [{ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /database of DATABASE_URL does not answer/],
    [{ TRUSTED_PROXIES: '10.0.0.0/99' }, /prefix length/],
  ]
  for (const [env, sentence] of cases) {
    const failure = await startProcess({ DATA_DIR: folder, ...env }).then(
      async (server) => {
        await server.kill()
        return 'it started'
      },
      (cause: Error) => cause.message,
    )
    assert.match(failure, /ended with 1/, JSON.stringify(env))
    assert.match(failure, sentence)
    const { SECRET_KEY: secret = '' } = env
    if (secret.length > 8) assert.equal(failure.includes(secret), false)
  }
  const first = await startProcess({ DATA_DIR: folder })
  const port = new URL(first.base).port
  const second = await startProcess({ DATA_DIR: join(folder, 'two'), PORT: port }).catch(String)
  assert.match(String(second), new RegExp(`Port ${port} is in use`))
  await first.kill()
  const wrong = await startProcess({
    DATA_DIR: folder,
    SECRET_KEY: 'Zr7uYw2Xt5Bd8Gf6Hj4Lm9No0TeRaIuEyP1sVnq0cQk3',
  }).catch(String)
  assert.match(String(wrong), /made with another secret/)
  rmSync(folder, { recursive: true, force: true })
})
