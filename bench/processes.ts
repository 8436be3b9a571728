import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../scripts/testing/free-port.ts'
import { root } from '../scripts/testing/root.ts'
import { createOperator, openStore } from '../server/src/app.ts'
import { createKeyring } from '../server/src/auth/keyring.ts'
import { accessToken, refreshToken } from '../server/src/auth/session.ts'
import { readConfig } from '../server/src/config.ts'
import { requireRight } from './frame/compare.ts'
import { databases } from './frame/databases.ts'
import type { Flow } from './frame/flows.ts'
import { aimLoad, type Load } from './frame/load.ts'
import { slowDisk } from './frame/slow-disk.ts'
import { spreadOf } from './frame/statistics.ts'
import { SECRET } from './scenarios/secrets.ts'
import { rotations } from './scenarios/sides.ts'
import { addPeople, addSessions } from './subjects/populate.ts'

/**
 * `npm run bench -- processes [--rounds 3] [--seconds 1.5]`: one process, two of one server, and two servers, on one database;
 * checks of tokens and renewals, in turns. CPU is that of all processes of a side.
 */
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1.5' },
  },
})
const CONNECTIONS = 32
const PEOPLE = 2000
const limits = ['requests', 'check', 'refresh', 'refused-source'].map((name) => `${name}=9999999/1`)

interface Side {
  readonly name: string
  readonly engine: 'SQLite' | 'PostgreSQL'
  /** Processes of each server. */
  readonly servers: readonly number[]
}

interface Running {
  readonly name: string
  readonly children: readonly ChildProcess[]
  readonly loads: Readonly<Record<'checks' | 'renewals', readonly Load[]>>
  readonly folder: string
  readonly rounds: { work: string; perSecond: number; cpuMicros: number; p99: number }[]
}

const sides: readonly Side[] = [
  { name: 'SQLite, one process', engine: 'SQLite', servers: [1] },
  { name: 'SQLite, WORKERS=2', engine: 'SQLite', servers: [2] },
  { name: 'PostgreSQL, one process', engine: 'PostgreSQL', servers: [1] },
  { name: 'PostgreSQL, WORKERS=2', engine: 'PostgreSQL', servers: [2] },
  { name: 'PostgreSQL, two servers', engine: 'PostgreSQL', servers: [1, 1] },
]

const places = databases()
const running: Running[] = []
try {
  for (const side of sides) running.push(await start(side))
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const work of ['checks', 'renewals'] as const) {
      for (const side of round % 2 ? running.toReversed() : running) {
        const measured = await measure(side, work)
        if (round >= 0) side.rounds.push({ work, ...measured })
      }
    }
  }
  report()
} finally {
  for (const side of running) await end(side)
  await places.stop()
}

async function start({ name, engine, servers }: Side): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
  const env = {
    SECRET_KEY: SECRET,
    DATA_DIR: folder,
    LIMITS: limits.join(','),
    ...(engine === 'PostgreSQL' ? { DATABASE_URL: await places.fresh() } : {}),
  }
  const flows = await populate(env)
  const ports: number[] = []
  const children: ChildProcess[] = []
  for (const workers of servers) {
    const port = await freePort()
    ports.push(port)
    children.push(await startServer({ ...env, PORT: `${port}`, WORKERS: `${workers}` }))
  }
  const connections = CONNECTIONS / servers.length
  const aim = ({ checks, renewals }: (typeof flows)[number], port: number) =>
    Promise.all([checks, renewals].map((flow) => aimLoad({ port, connections, flow })))
  const loads = await Promise.all(
    flows.slice(0, ports.length).map((flow, index) => aim(flow, ports[index] ?? 0)),
  )
  const of = (index: number) => loads.flatMap((each) => each[index] ?? [])
  return { name, children, loads: { checks: of(0), renewals: of(1) }, folder, rounds: [] }
}

/** Sessions of two halves: each server renews tokens of its own. */
async function populate(env: Record<string, string>) {
  const config = readConfig(env)
  const { database } = await openStore(config)
  await addPeople(database, PEOPLE)
  const made = await addSessions(database, createKeyring([SECRET]), PEOPLE)
  await database.close()
  const { app, close } = await createOperator(config)
  const halves = [0, 1].map((half) => {
    const mine = made.filter((_, index) => index % 2 === half)
    const line = { method: 'GET', path: '/v1/auth/validate' } as const
    const headers = { authorization: 'Bearer CREDENTIAL' }
    const credentials = mine.map((session) => accessToken(app, session, app.now()).token)
    const renewals = mine.map((each) => refreshToken(app, each, each.refreshId, each.createdAt))
    const expected = { status: 200, has: '"is_valid":true' }
    const checks: Flow = { kind: 'each', line: { ...line, headers }, credentials, expected }
    return { checks, renewals: rotations(renewals) }
  })
  await close()
  return halves
}

async function startServer(env: Record<string, string>): Promise<ChildProcess> {
  const main = join(root, 'server', 'src', 'main.ts')
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    env: { PATH, NODE_COMPILE_CACHE, ...slowDisk(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const part of child.stdout?.setEncoding('utf8') ?? []) {
    said += part
    if (/Next[\s\S]*http:\S+\n/.test(said)) break
  }
  if (child.exitCode !== null) throw new Error(`a server did not start: ${said}`)
  return child
}

async function measure({ name, children, loads }: Running, work: 'checks' | 'renewals') {
  const before = cpuOf(children)
  const seconds = Number(values.seconds)
  const outcomes = await Promise.all(loads[work].map((load) => load.run({ seconds })))
  for (const outcome of outcomes) requireRight(name, outcome)
  const done = outcomes.reduce((sum, outcome) => sum + outcome.done, 0)
  const perSecond = outcomes.reduce((sum, outcome) => sum + outcome.done / outcome.seconds, 0)
  const p99 = Math.max(...outcomes.map((outcome) => outcome.p99))
  return { perSecond, cpuMicros: (cpuOf(children) - before) / done, p99 }
}

/** Microseconds of all processes of these, as Linux tells it, in hundredths of a second. */
function cpuOf(children: readonly ChildProcess[]): number {
  const pids = children.flatMap(({ pid = 0 }) => {
    const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return [pid, ...(own ? own.split(' ').map(Number) : [])]
  })
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * 10_000
  }, 0)
}

function report(): void {
  const lines = ['| | work | a second | CPU µs each | p99 ms |', '| --- | --- | --- | --- | --- |']
  for (const work of ['checks', 'renewals']) {
    for (const { name, rounds } of running) {
      const mine = rounds.filter((round) => round.work === work)
      const median = (field: 'perSecond' | 'cpuMicros' | 'p99') =>
        spreadOf(mine.map((round) => round[field])).median
      const [rate, cpu] = [Math.round(median('perSecond')), Math.round(median('cpuMicros'))]
      lines.push(`| ${name} | ${work} | ${rate} | ${cpu} | ${median('p99').toFixed(1)} |`)
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

async function end({ loads, children, folder }: Running): Promise<void> {
  for (const load of [...loads.checks, ...loads.renewals]) await load.end()
  for (const child of children) {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
  rmSync(folder, { recursive: true, force: true })
}
