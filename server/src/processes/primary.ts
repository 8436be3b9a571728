import type { Serializable } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import { createLog, type Log } from '../log.ts'
import { type Bundle, createLine } from './line.ts'
import type { Welcome } from './siblings.ts'
import { createSwitchboard, type Member, type Switchboard } from './switchboard.ts'
import { watchPulse } from './watch-pulse.ts'

/** How long a process that ended stays away, by how many ended lately: one that cannot live must not take all time to try. */
const PAUSES_MS = [50, 200, 1000, 2000, 5000]
const LATELY_MS = 60_000
/** So many in a row that ended before they listened, while the server is not whole yet or has none left: it is of no use to try on. */
const MOST_STILLBORN = 3
/** Longer than any process takes to stop by itself. */
const STOP_MS = 20_000

interface House {
  readonly config: Config
  readonly log: Log
  readonly board: Switchboard
  readonly inboxWord: string
  readonly workers: Set<Worker>
  /** Moments at which processes ended. */
  ends: number[]
  stillborn: number
  started: number
  /** Processes that have come to listen. */
  ready: number
  /** When all listen for the first time. */
  readonly complete: PromiseWithResolvers<null>
  exitCode: number | null
}

/**
 * Runs the server in `WORKERS` processes on one port. The first opens, migrates and listens before the others begin;
 * one that dies is replaced. This process answers nobody: it counts traffic for all and passes on what they ask each
 * other, and when it dies they end.
 */
export async function runProcesses(config: Config): Promise<void> {
  const house: House = {
    config,
    log: createLog(config.logLevel),
    board: createSwitchboard(config.limits),
    inboxWord: randomBytes(12).toString('base64url'),
    workers: new Set(),
    ends: [],
    stillborn: 0,
    started: 0,
    ready: 0,
    complete: Promise.withResolvers(),
    exitCode: null,
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => stop(house, signal, 0))
  }
  startOne(house)
}

function startOne(house: House): void {
  if (house.exitCode !== null) return
  const welcome: Welcome = { isFirst: house.started === 0, inboxWord: house.inboxWord }
  house.started += 1
  const worker = cluster.fork()
  const dropInHand = watchInHand(worker)
  house.workers.add(worker)
  let isReady = false
  let endWatch = () => {}
  const answer = (topic: string, words: unknown) => {
    if (topic === 'welcome') {
      house.board.join(member)
      return welcome
    }
    if (topic !== 'ready') return house.board.answer(member, topic, words)
    isReady = true
    endWatch = watchPulse(line, () => {
      house.log.warn({ event: 'process.silent' })
      worker.process.kill('SIGKILL')
    })
    return noteReady(house, welcome)
  }
  const line = createLine((bundle) => {
    if (worker.isConnected()) worker.send(bundle, () => {})
  }, answer)
  const member: Member = { line, sockets: new Map(), told: null }
  worker.on('message', (bundle: Bundle) => line.take(bundle))
  worker.on('error', () => {})
  worker.once('exit', (code, signal) => {
    endWatch()
    house.workers.delete(worker)
    house.board.leave(member)
    dropInHand()
    if (house.exitCode !== null) return endWhenEmpty(house, isReady ? code : 0)
    if (welcome.isFirst && !isReady) return fail(code, signal)
    return replace(house, isReady, signal ?? `exit code ${code}`)
  })
}

/**
 * Node closes a connection here when the process that it was handed to says that it has it. One that died at this very
 * moment says nothing, and the caller would wait for ever.
 */
function watchInHand({ process: child }: Worker): () => void {
  let inHand: { close?(): void } | undefined
  const { send } = child
  child.send = (message: Serializable, ...rest: unknown[]) => {
    const [handle] = rest
    if (handle && typeof handle === 'object') inHand = handle
    return Reflect.apply(send, child, [message, ...rest])
  }
  return () => inHand?.close?.()
}

/** What kept the first from listening it has said itself, unless somebody ended it. */
function fail(code: number | null, signal: string | null): never {
  if (signal) process.stderr.write(`\n  Freddy Auth did not start: it was ended by ${signal}.\n\n`)
  process.exit(code || 1)
}

/** With the first the others begin; it tells where everything is when they listen too. */
function noteReady(house: House, { isFirst }: Welcome): Promise<null> | null {
  house.log.info({ event: 'process.ready' })
  house.stillborn = 0
  house.ready += 1
  if (house.ready === house.config.workers) house.complete.resolve(null)
  if (!isFirst) return null
  for (let count = 1; count < house.config.workers; count++) startOne(house)
  return house.complete.promise
}

/** What it was doing for its callers is lost to them, as with a server that dies; what it had answered stands. */
function replace(house: House, wasReady: boolean, reason: string): void {
  house.log.warn({ event: 'process.ended', reason })
  const now = performance.now()
  house.ends = house.ends.filter((at) => now - at < LATELY_MS).concat(now)
  if (!wasReady) house.stillborn += 1
  const pause = PAUSES_MS[house.ends.length - 1] ?? PAUSES_MS.at(-1)
  const isAlone = house.ready < house.config.workers || house.workers.size === 0
  if (house.stillborn >= MOST_STILLBORN && isAlone) giveUp(house, reason)
  else setTimeout(startOne, pause, house)
}

function giveUp(house: House, reason: string): void {
  process.stderr.write(
    `\n  Freddy Auth stops: ${MOST_STILLBORN} processes in a row ended before they listened, the last with ${reason}. What they said stands above; WORKERS=1 runs the server in one process.\n\n`,
  )
  stop(house, 'SIGTERM', 1)
}

/** Hands the signal on; each process stops taking, drains and ends, and this one after the last. */
function stop(house: House, signal: NodeJS.Signals, exitCode: number): void {
  if (house.exitCode === null) {
    house.exitCode = exitCode
    setTimeout(() => process.exit(1), STOP_MS).unref()
  }
  for (const worker of house.workers) worker.process.kill(signal)
  if (house.workers.size === 0) process.exit(house.exitCode)
}

function endWhenEmpty(house: House, code: number | null): void {
  if (code !== 0) house.exitCode = 1
  if (house.workers.size === 0) process.exit(house.exitCode ?? 1)
}
