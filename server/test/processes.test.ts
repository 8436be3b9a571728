import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../scripts/testing/free-port.ts'
import { root } from '../../scripts/testing/root.ts'
import { createLine } from '../src/processes/line.ts'
import { watchPulse } from '../src/processes/watch-pulse.ts'
import { databases } from './databases.ts'
import { readExposition } from './exposition.ts'
import { PASSWORD, wrongCode } from './freddy.ts'
import { credentials, type Said, type ServerProcess, startProcess } from './server-process.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

/** What was parsed once is not parsed again at every start. */
const two = { WORKERS: '2', NODE_COMPILE_CACHE: join(root, '.cache', 'compiled') }
/** So slow that what passes during a test gives no call back. */
const LIMITS = 'jwks-source=20/360000,refused-source=30/360000,requests=1000/360000'

/** A machine that is busy with tests takes its time to start a process. */
const PATIENCE_MS = 60_000

type Headers_ = Record<string, string>

/** A call on a connection of its own: the next process takes it. */
function call(base: string, line: string, headers: Headers_ = {}, body?: object) {
  const [method, path = ''] = line.split(' ')
  const text = body && JSON.stringify(body)
  return new Promise<Said | null>((resolve) => {
    const type = text === undefined ? {} : { 'content-type': 'application/json' }
    const asked = request(base + path, { method, agent: false, headers: { ...type, ...headers } })
    asked.on('error', () => resolve(null))
    asked.setTimeout(10_000, () => asked.destroy())
    asked.on('response', async (answer) => {
      const all = await answer
        .setEncoding('utf8')
        .toArray()
        .catch(() => null)
      if (all === null) return resolve(null)
      const said = all.join('')
      const isJson = answer.headers['content-type']?.includes('json')
      resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(said) : said })
    })
    asked.end(text)
  })
}

/** So many such calls at once. */
const burst = (count: number, ...asked: Parameters<typeof call>) =>
  Promise.all(Array.from({ length: count }, () => call(...asked)))

const tally = (answers: readonly (Said | null)[], status: number) =>
  answers.filter((answer) => answer?.status === status).length

const childrenOf = (pid: number | undefined) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)

/** As a proxy tells it: each scene has a source of its own. */
const from = (address: string): Headers_ => ({ 'x-forwarded-for': address })

async function codeFor(sink: SmtpSink, email: string, known = 0): Promise<string> {
  for (let round = 0; round < 1000; round++) {
    const codes = sink.codesFor(email)
    if (codes.length > known) return codes.at(-1) ?? ''
    await wait(10)
  }
  throw new Error(`no code for ${email}`)
}

async function enter(base: string, sink: SmtpSink, email: string): Promise<Headers_> {
  const begun = await call(base, 'POST /v1/auth/register', {}, { email, password: PASSWORD })
  const verification_code = await codeFor(sink, email)
  const proof = { email_key: begun?.body.email_key, verification_code }
  const verified = await call(base, 'POST /v1/auth/verify', {}, proof)
  assert.equal(verified?.status, 200, JSON.stringify(verified))
  return { authorization: `Bearer ${verified.body.token}` }
}

interface Processes extends ServerProcess {
  /** Ends one, and waits until another listens in its place. */
  replace(pid: number): Promise<void>
}

async function start(t: TestContext, env: Headers_): Promise<Processes> {
  const server = await startProcess({ ...two, LOG_LEVEL: 'info', ...env })
  t.after(() => server.kill())
  const events = new EventEmitter()
  server.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('process.ready')) events.emit('ready')
  })
  const replace = async (pid: number) => {
    assert.ok(pid > 0)
    const ready = once(events, 'ready', { signal: AbortSignal.timeout(PATIENCE_MS) })
    process.kill(pid, 'SIGKILL')
    await ready
  }
  return { ...server, replace }
}

for (const { name: engine, open } of databases) {
  test(`F35: the processes of one server are one server (${engine})`, async (t) => {
    const place = await open()
    const sink = await startSmtpSink()
    t.after(() => sink.close().then(() => place.drop()))
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const server = await start(t, {
      SMTP_URL: sink.url,
      DATA_DIR: engine === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
      ...(engine === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
      TRUSTED_PROXIES: '127.0.0.1/32',
      PORT: `${await freePort()}`,
      METRICS_PORT: `${await freePort()}`,
      LIMITS,
    })
    const { base, said, child } = server
    assert.match(said, /Workers {2}2 processes/)
    assert.equal(said.split('is ready').length, 2, 'it is said once')
    assert.equal(childrenOf(child.pid).length, 2)
    const ada = await enter(base, sink, 'ada@example.com')

    await t.test('a limit lets pass as many as it says, whoever is asked', async () => {
      const keys = await burst(60, base, 'GET /.well-known/jwks.json', from('192.0.2.1'))
      assert.deepEqual([tally(keys, 404), tally(keys, 429)], [20, 40])
      const forged = { authorization: 'Bearer no.such.token', ...from('192.0.2.2') }
      const tries = await burst(60, base, 'GET /v1/auth/validate', forged)
      assert.deepEqual([tally(tries, 401), tally(tries, 429)], [30, 30])
      const honest = { ...ada, ...from('192.0.2.2') }
      assert.equal(tally(await burst(4, base, 'GET /v1/auth/validate', honest), 429), 4)
    })

    await t.test('wrong codes at once are five, and one right code is one session', async () => {
      const body = credentials('ada@example.com')
      const login = await call(base, 'POST /v1/auth/login', {}, body)
      const code = await codeFor(sink, 'ada@example.com', 1)
      const wrong = { email_key: login?.body.email_key, verification_code: wrongCode(code) }
      const guesses = await burst(20, base, 'POST /v1/auth/verify', {}, wrong)
      assert.deepEqual([tally(guesses, 401), tally(guesses, 429)], [5, 15])
      const again = await call(base, 'POST /v1/auth/login', {}, body)
      const next = await codeFor(sink, 'ada@example.com', 2)
      const right = { email_key: again?.body.email_key, verification_code: Number(next) }
      const answers = await burst(20, base, 'POST /v1/auth/verify', {}, right)
      assert.deepEqual([tally(answers, 200), tally(answers, 401)], [1, 19])
      const rows = await place.database.read('SELECT id FROM sessions')
      assert.equal(rows.length, 2)
    })

    await t.test('who signs out is out everywhere within a second', async () => {
      const bob = { ...(await enter(base, sink, 'bob@example.com')), ...from('192.0.2.3') }
      assert.equal(tally(await burst(4, base, 'GET /v1/auth/validate', bob), 200), 4)
      assert.equal((await call(base, 'POST /v1/auth/logout', bob, {}))?.status, 200)
      await wait(1000)
      assert.equal(tally(await burst(4, base, 'GET /v1/auth/validate', bob), 401), 4)
    })

    await t.test('a call that a limit turned away is explained by each', async () => {
      const eve = { ...(await enter(base, sink, 'eve@example.com')), ...from('192.0.2.4') }
      const key = await call(base, 'POST /v1/api-keys', eve, {
        name: 'narrow',
        limits: { requests_per_minute: 1 },
      })
      assert.equal(key?.status, 201, JSON.stringify(key))
      const holder = { 'api-key': key.body.key, ...from('192.0.2.4') }
      const ask = { model: 'echo-1', input: 'Hello' }
      await call(base, 'POST /v1/responses', holder, ask)
      const refused = await call(base, 'POST /v1/responses', holder, ask)
      assert.equal(refused?.status, 429)
      const line = `GET /v1/usage/requests/${refused.body.error.trace_id}/explain`
      const told = await burst(4, base, line, eve)
      assert.equal(tally(told, 200), 4, JSON.stringify(told[0]))
    })

    await t.test(
      'a process that dies is replaced, and what was answered and counted stands',
      async () => {
        const [, metrics = ''] = /Metrics {2}(\S+)\/metrics/.exec(said) ?? []
        const count = async () => {
          const told = await call(metrics, 'GET /metrics')
          const family = readExposition(told?.body).get('freddy_http_requests_total')
          const ours =
            family?.samples.filter(({ labels }) => labels.route === '/openapi.json') ?? []
          return ours.reduce((sum, { value }) => sum + value, 0)
        }
        await burst(10, base, 'GET /openapi.json')
        assert.deepEqual([await count(), await count()], [10, 10], 'numbers are those of all')
        const before = childrenOf(child.pid)
        const made: string[] = []
        const makers = Array.from({ length: 4 }, async () => {
          while (made.length < 30) {
            const answer = await call(base, 'POST /v1/api-keys', ada, { name: 'one' })
            if (answer?.status === 201) made.push(answer.body.id)
            else await wait(5)
          }
        })
        while (made.length < 5) await wait(5)
        await server.replace(before[0] ?? 0)
        await Promise.all(makers)
        const kept = await place.database.read<{ id: string }>('SELECT id FROM api_keys')
        assert.ok(made.every((id) => kept.some((key) => key.id === id)))
        const known = await call(base, 'GET /.well-known/jwks.json', from('192.0.2.1'))
        assert.equal(known?.status, 429)
        assert.equal(await count(), 10)
      },
    )

    assert.equal(await server.stop(), 0)
  })
}

test('every process shows every mail of a server without a mail server', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { base, said, child, replace } = await start(t, { DATA_DIR: folder })
  const [, word = ''] = /inbox\?word=(\S+)/.exec(said) ?? []
  const people = ['ada', 'bob', 'eve', 'joe'].map((name) => `${name}@example.com`)
  for (const email of people) {
    const register = { email, password: PASSWORD }
    assert.equal((await call(base, 'POST /v1/auth/register', {}, register))?.status, 201)
  }
  const look = async () => {
    const pages = await burst(4, base, 'GET /dev/inbox', { cookie: `freddy_inbox=${word}` })
    return pages.map((page) => people.filter((email) => page?.body.includes(email)))
  }
  const isWhole = async () => (await look()).every((shown) => shown.length === people.length)
  for (let left = PATIENCE_MS; left > 0 && !(await isWhole()); left -= 50) await wait(50)
  // Who comes later is told what came before.
  const [one = 0] = childrenOf(child.pid)
  await replace(one)
  assert.deepEqual(await look(), [people, people, people, people])
})

test('what keeps several processes from starting is said once, and ends with 1', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  const failure = await startProcess({ ...two, DATA_DIR: folder, PORT: `${port}` }).then(
    () => 'it started',
    (cause: Error) => cause.message,
  )
  assert.match(failure, /ended with 1/)
  assert.equal(failure.split(`Port ${port} is in use`).length, 2, failure)
})

test('processes end with the one that counts for them, and give up when none can start', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const first = await start(t, { DATA_DIR: folder })
  await first.kill()
  while (await call(first.base, 'GET /livez')) await wait(10)

  const second = await start(t, { DATA_DIR: folder })
  let said = ''
  second.child.stderr?.on('data', (chunk) => (said += chunk))
  writeFileSync(join(folder, 'models.json'), 'no list of models')
  const ended = once(second.child, 'exit')
  for (const pid of childrenOf(second.child.pid)) if (pid > 0) process.kill(pid, 'SIGKILL')
  assert.deepEqual(await ended, [1, null])
  assert.match(said, /3 processes in a row ended before they listened, the last with exit code 1/)
})

test('F47: a process that stands still is noticed once, one that is late or stood still with us is not', async (t) => {
  let isStill = false
  const there = createLine(
    (bundle) => here.take(bundle),
    () => null,
  )
  const here = createLine(
    (bundle) => !isStill && there.take(bundle),
    () => null,
  )
  let noticed = 0
  const note = () => {
    noticed += 1
  }
  t.after(watchPulse(here, note, 10))
  await wait(100)
  assert.equal(noticed, 0)
  // Nobody answers while this one does not turn either.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  await wait(50)
  assert.equal(noticed, 0)
  isStill = true
  for (let looks = 0; noticed === 0 && looks < 200; looks++) await wait(10)
  await wait(50)
  assert.equal(noticed, 1)
})
