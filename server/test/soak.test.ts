import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { knownTables } from '../src/store/migrate.ts'
import { databases } from './databases.ts'
import { type Luck, luckOf } from './faults/luck.ts'
import type { Holding } from './faults/soak-server.ts'
import { closeStage, openStage, type Stage } from './faults/stage.ts'
import { DAY, PASSWORD, SECRET } from './freddy.ts'

/*
 * `npm run faults -- soak --minutes 30`. A round is a second: half of it people's days, the rest strangers with names and addresses
 * of their own choice; then the clock leaps, and what is over goes.
 */

const MINUTES = Number(process.env.SOAK_MINUTES ?? 0)
const SEED = process.env.FAULT_SEED ?? 'freddy'
const LONG = MINUTES > 0
const PEOPLE = 4
/** A second's: in half an hour a million names and a hundred thousand sockets. */
const NAMES = LONG ? 556 : 30
const SOCKETS = LONG ? 56 : 30
const AT_ONCE = 50
const SHORT_ROUNDS = 9
/** All that is kept for 90, 180 and 400 days comes to its end while it runs. */
const SPAN_MS = 900 * DAY
/** Grows by design: what is never deleted (docs/storage.md), and what is there from the start. */
const stays = [
  'api_keys',
  'api_key_labels',
  'settings',
  'users',
  'schema_migrations',
  'signing_keys',
]

interface Sample extends Holding {
  readonly round: number
  readonly descriptors: number
  readonly rows: Readonly<Record<string, number>>
}

for (const { name, open } of databases) {
  test(`F38: strangers and sockets, however many, leave nothing behind (${name})`, async (t) => {
    const stage = await openStage(name, open)
    const soaked = await startSoaked(stage)
    try {
      const luck = luckOf(SEED, 'F38', name)
      const people = await enter(soaked, stage, luck)
      const samples: Sample[] = []
      const begun = performance.now()
      for (let past = 0, round = 1; past < 1; round++) {
        await playRound(soaked, stage, people, luck, round)
        const now = LONG ? (performance.now() - begun) / (MINUTES * 60_000) : round / SHORT_ROUNDS
        const holding = await soaked.leap(Math.ceil((now - past) * SPAN_MS))
        past = now
        if (!LONG || round % 5 === 0) samples.push(await look(soaked, stage, round, holding))
      }
      tell(t, soaked, samples)
      requireFlat(samples)
    } finally {
      await soaked.stop()
      await closeStage(stage)
    }
  })
}

type Soaked = Awaited<ReturnType<typeof startSoaked>>

async function startSoaked({ env }: Stage) {
  const child = fork(fileURLToPath(new URL('faults/soak-server.ts', import.meta.url)), {
    env: {
      PATH: process.env.PATH,
      SECRET_KEY: SECRET,
      WORKERS: '1',
      LOG_LEVEL: 'silent',
      // One address is a proxy of ours and brings the strangers; all others of this machine are strangers.
      TRUSTED_PROXIES: '127.0.0.1/32',
      ...env,
    },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const [{ port }] = await once(child, 'message')
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  let asked = 0
  const send = (
    line: string,
    from: string,
    body?: object,
    headers: Record<string, string> = {},
  ) => {
    asked += 1
    const [method = 'GET', path = ''] = line.split(' ')
    const text = body ? JSON.stringify(body) : ''
    const type = body ? { 'content-type': 'application/json' } : {}
    const length = { 'content-length': Buffer.byteLength(text) }
    const all = { 'x-forwarded-for': from, ...type, ...length, ...headers }
    const sent = request({ agent, port, host: '127.0.0.1', method, path, headers: all })
    sent.end(text)
    return once(sent, 'response')
  }
  return {
    port: Number(port),
    pid: child.pid ?? 0,
    asked: () => asked,
    async leap(ms: number): Promise<Holding> {
      const said = once(child, 'message')
      child.send(ms)
      return (await said)[0]
    },
    async stop() {
      agent.destroy()
      const ended = once(child, 'exit')
      child.send('stop')
      await ended
    },
    /** From an address of its own; its status and JSON. A machine that is busy is asked again. */
    async ask(...words: Parameters<typeof send>) {
      for (let count = 0; ; count++) {
        const [answer] = await send(...words)
        let heard = ''
        for await (const part of answer.setEncoding('utf8')) heard += part
        const status: number = answer.statusCode
        if (status !== 503 || count === 50)
          return { status, body: heard ? JSON.parse(heard) : null }
        await wait(100)
      }
    },
  }
}

const addressOf = (luck: Luck) =>
  `${1 + luck.below(120)}.${luck.below(256)}.${luck.below(256)}.${1 + luck.below(250)}`

/** People whom the whole time knows. */
async function enter(soaked: Soaked, { sink }: Stage, luck: Luck): Promise<Person[]> {
  const people: Person[] = []
  for (let count = 0; count < PEOPLE; count++) {
    const email = `p${count}@example.com`
    const from = addressOf(luck)
    const body = { email, password: PASSWORD }
    const begun = await soaked.ask('POST /v1/auth/register', from, body)
    assert.equal(begun.status, 201)
    const session = await prove(soaked, sink, email, begun.body.email_key, from, 0)
    const bearer = { authorization: `Bearer ${session.token}` }
    people.push({ email, key: await makeKey(soaked, from, bearer), from })
  }
  return people
}

async function makeKey({ ask }: Soaked, from: string, bearer: Record<string, string>) {
  const made = await ask('POST /v1/api-keys', from, { name: 'a program' }, bearer)
  assert.equal(made.status, 201)
  return String(made.body.key)
}

interface Person {
  readonly email: string
  key: string
  readonly from: string
}

async function prove(
  { ask }: Soaked,
  sink: Stage['sink'],
  email: string,
  email_key: string,
  from: string,
  seen: number,
) {
  for (let look = 0; look < 1000 && sink.codesFor(email).length <= seen; look++) await wait(5)
  const body = { email_key, verification_code: sink.codeFor(email) }
  const answer = await ask('POST /v1/auth/verify', from, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body
}

/** A second of load, or as long as it takes. */
async function playRound(
  soaked: Soaked,
  stage: Stage,
  people: readonly Person[],
  luck: Luck,
  round: number,
): Promise<void> {
  const person = people[round % people.length]
  await Promise.all([
    wait(LONG ? 1000 : 0),
    person ? liveADay(soaked, stage, person) : null,
    beStrangers(soaked, luck, round),
    openAndClose(soaked, luck),
  ])
}

async function liveADay(soaked: Soaked, { sink }: Stage, person: Person) {
  const { ask } = soaked
  const { email, from } = person
  const seen = sink.codesFor(email).length
  const body = { email_or_username: email, password: PASSWORD }
  const begun = await ask('POST /v1/auth/login', from, body)
  assert.equal(begun.status, 200, JSON.stringify(begun.body))
  const session = await prove(soaked, sink, email, begun.body.email_key, from, seen)
  const asked = { model: 'echo-1', input: 'Hello' }
  const called = await ask('POST /v1/responses', from, asked, { 'api-key': person.key })
  assert.ok([200, 401].includes(called.status), String(called.status))
  const refresh = { refresh_token: session.refreshToken, rotate: true }
  const next = await ask('POST /v1/auth/refresh', from, refresh)
  const bearer = { authorization: `Bearer ${next.body.token}` }
  assert.equal((await ask('GET /v1/user/me', from, undefined, bearer)).status, 200)
  // The one before came to its end.
  if (called.status === 401) person.key = await makeKey(soaked, from, bearer)
  assert.equal((await ask('POST /v1/auth/logout', from, {}, bearer)).status, 200)
}

/** Names that nobody has, each from an address of its own; a few of them try passwords, or begin what they do not end. */
async function beStrangers({ ask }: Soaked, luck: Luck, round: number): Promise<void> {
  let next = 0
  const stranger = async () => {
    while (next < NAMES) {
      const index = next++
      const name = `s${round}x${index}`
      const email = `${name}@example.com`
      const from = addressOf(luck)
      if (index < 6) {
        await ask('POST /v1/auth/login', from, { email_or_username: email, password: PASSWORD })
      } else if (index < 8) {
        await ask('POST /v1/auth/register', from, { email, password: PASSWORD })
      } else if (index < 12) {
        const guess = { email_key: name, verification_code: 1234 }
        await ask('POST /v1/auth/verify', from, guess)
      } else if (index < 14) {
        await ask('GET /v1/user/me', from, undefined, { authorization: `Bearer ${name}` })
        await ask('GET /v1/models', from, undefined, { 'api-key': `ak_${name}` })
      } else {
        await ask('POST /v1/user/username/check-availability', from, { user_name: name })
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, stranger))
}

/** Opened and closed again: some say nothing, some half of a request, some all of it. */
async function openAndClose({ port }: Soaked, luck: Luck): Promise<void> {
  const head = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n'
  for (let count = 0; count < SOCKETS; count += 1) {
    const localAddress = `127.${1 + luck.below(200)}.${luck.below(256)}.${1 + luck.below(250)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    const way = luck.below(3)
    await once(socket, 'connect')
    if (way === 1) socket.write(head)
    if (way === 2) {
      socket.write(`${head}\r\n`)
      await once(socket, 'data')
    }
    socket.destroy()
  }
}

async function look(soaked: Soaked, { place }: Stage, round: number, holding: Holding) {
  const rows: Record<string, number> = {}
  for (const table of knownTables()) {
    const [row] = await place.database.read<{ count: number }>(
      `SELECT count(*) AS count FROM ${table}`,
    )
    rows[table] = row?.count ?? 0
  }
  const descriptors = readdirSync(`/proc/${soaked.pid}/fd`).length
  return { round, ...holding, descriptors, rows }
}

const MIB = 1024 * 1024

/** A dozen of the samples, and what was asked in all. */
function tell(t: TestContext, soaked: Soaked, samples: readonly Sample[]): void {
  if (!LONG) return
  const every = Math.ceil(samples.length / 12)
  for (const sample of samples.filter((_, index) => index % every === 0)) t.diagnostic(told(sample))
  const rounds = samples.at(-1)?.round ?? 0
  t.diagnostic(`${soaked.asked()} calls, ${rounds * NAMES} names, ${rounds * SOCKETS} sockets`)
}

function told({ round, rss, heap, descriptors, swept, rows }: Sample): string {
  const [held, kept] = [rss, heap].map((bytes) => (bytes / MIB).toFixed(1))
  const filled = Object.entries(rows).filter(([, count]) => count > 0)
  const tables = filled.map(([table, count]) => `${table} ${count}`).join(', ')
  return `round ${round}: ${held} MiB, heap ${kept}, ${descriptors} descriptors, swept ${swept}; ${tables}`
}

/** The last third of the time holds what the third before it held. */
function requireFlat(samples: readonly Sample[]): void {
  const third = Math.ceil(samples.length / 3)
  const [before, after] = [samples.slice(-2 * third, -third), samples.slice(-third)]
  const most = (list: readonly Sample[], of: (sample: Sample) => number) =>
    Math.max(...list.map(of))
  for (const table of knownTables().filter((each) => !stays.includes(each))) {
    const [earlier, later] = [before, after].map((list) =>
      most(list, ({ rows }) => rows[table] ?? 0),
    )
    assert.ok(
      (later ?? 0) <= (earlier ?? 0) * 1.2 + 200,
      `${table}: ${earlier}, then ${later} rows`,
    )
  }
  const open = [before, after].map((list) => most(list, ({ descriptors }) => descriptors))
  assert.ok((open[1] ?? 0) <= (open[0] ?? 0) + 10, `${open[0]}, then ${open[1]} descriptors`)
  const low = (list: readonly Sample[]) =>
    list.reduce((least, sample) => (sample.heap < least.heap ? sample : least))
  const [earlier, later] = [low(before), low(after)]
  const room = 4 * MIB + ROW_BYTES * (rowsOf(later) - rowsOf(earlier))
  const told = [earlier, later].map(({ heap }) => `${(heap / MIB).toFixed(1)} MiB`)
  assert.ok(later.heap < earlier.heap + room, `heap of ${told.join(', then ')}`)
}

/** Sources that the limiter remembers, until it forgets one for each that comes. */
const rowsOf = ({ round }: Sample) => Math.min(200_000, round * NAMES)
const ROW_BYTES = 300
