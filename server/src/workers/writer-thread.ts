import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { Bulk, Row, Statement } from '../store/database.ts'
import { isBulk } from '../store/sql.ts'
import { logBytesOf, MOST_LOG_BYTES } from '../store/sqlite-log.ts'
import { isSilence, openSqliteFile, prepareOn } from '../store/sqlite-open.ts'
import { NONE, placeOf, type SqlitePlace } from '../store/sqlite-place.ts'
import type { GroupAnswer, Job, Outcome, WriterOptions } from './writer.ts'

/** The log is written back when nobody waits for this long: done while somebody waits it is the slow tail. */
const IDLE_MS = 500
/** How often the length of the log is looked at. */
const LOOK_EVERY_MS = 1000
/** Pages of the log (4 kB each) from which a commit pays for writing it back after all. */
const LOG_PAGES = 15_000
/**
 * Between two looks whether another process still writes. SQLite itself would sleep for up to 100 ms, and one that
 * writes all the time is not found free by luck: waits of a second were seen.
 */
const LOOK_AGAIN_MS = 0.25
const SQLITE_BUSY = 5

const options = workerData as WriterOptions
let database: DatabaseSync
let prepare: ReturnType<typeof prepareOn>
/** Set when a commit failed on the disk: nothing is written before the file was looked at again. */
let broken = false
/** The files that are open. */
let place: SqlitePlace
let idle: NodeJS.Timeout | undefined
const nothing = new Int32Array(new SharedArrayBuffer(4))

try {
  open()
  parentPort?.postMessage({ ready: true })
} catch (cause) {
  const { message, code } = cause as NodeJS.ErrnoException
  parentPort?.postMessage({ failed: message, code })
}

parentPort?.on('message', (group: readonly Job[] | 'close') => {
  clearTimeout(idle)
  if (group === 'close') return close()
  parentPort?.postMessage(writeGroup(group))
  idle = setTimeout(writeBack, IDLE_MS).unref()
  return undefined
})

setInterval(shorten, LOOK_EVERY_MS).unref()

function open(): void {
  database = openSqliteFile(options)
  database.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`)
  database.exec('PRAGMA busy_timeout = 0')
  prepare = prepareOn(database)
  place = placeOf(options.path)
}

/** One transaction, one fsync, for everything that waits. */
function writeGroup(group: readonly Job[]): GroupAnswer {
  try {
    if (broken) mend()
    begin()
    requirePlace()
    const outcomes = runAll(group)
    database.exec('COMMIT')
    return { outcomes }
  } catch (cause) {
    return giveUp(cause)
  }
}

/**
 * What is written to a file that was removed is gone with this process: nothing is answered as kept there. What stands in a log
 * that was removed is carried over into its database, as long as there is one.
 */
function requirePlace(): void {
  const found = placeOf(options.path)
  // The first transaction makes the log.
  if (place.log === NONE) place = { ...place, log: found.log }
  if (found.file === place.file && found.log === place.log) return
  database.exec('ROLLBACK')
  writeBack()
  throw new Error('the database file or its log was removed or replaced: stop, look, start again')
}

/** Waits for its turn among the processes that write to this file. */
function begin(): void {
  const until = performance.now() + options.busyTimeoutMs
  for (;;) {
    try {
      database.exec('BEGIN IMMEDIATE')
      return
    } catch (cause) {
      const { errcode = 0 } = cause as { errcode?: number }
      if ((errcode & 0xff) !== SQLITE_BUSY || performance.now() >= until) throw cause
      Atomics.wait(nothing, 0, 0, LOOK_AGAIN_MS)
    }
  }
}

/**
 * A savepoint makes what a job writes two to three times as dear, and jobs hardly ever fail: when one does, all of the
 * group begins anew, each behind a savepoint of its own.
 */
function runAll(group: readonly Job[]): Outcome[] {
  const outcomes: Outcome[] = []
  for (const job of group) {
    const outcome = runJob(job)
    if ('error' in outcome && isSeveral(job)) return runApart(group)
    outcomes.push(outcome)
  }
  return outcomes
}

function runApart(group: readonly Job[]): Outcome[] {
  database.exec('ROLLBACK')
  begin()
  return group.map((job) => {
    if (!isSeveral(job)) return runJob(job)
    database.exec('SAVEPOINT job')
    const outcome = runJob(job)
    database.exec('error' in outcome ? 'ROLLBACK TO job; RELEASE job' : 'RELEASE job')
    return outcome
  })
}

/** Of a job of one statement nothing is kept when it fails. */
const isSeveral = (job: Job) => job.length > 1 || job.some(isBulk)

function runJob(job: Job): Outcome {
  try {
    return { rows: job.map(run) }
  } catch (cause) {
    // A disk that is full, or gone, is so for the whole group.
    if (!database.isTransaction || isSilence(cause)) throw cause
    return { error: messageOf(cause) }
  }
}

function run(statement: Statement | Bulk): Row[] {
  const prepared = prepare(statement.sql)
  if (!isBulk(statement)) return prepared.all(statement.params) as Row[]
  for (const row of statement.rows) prepared.run(...row)
  return []
}

function giveUp(cause: unknown): GroupAnswer {
  try {
    if (database.isTransaction) database.exec('ROLLBACK')
  } catch {
    broken = true
  }
  // SQLITE_IOERR, SQLITE_CORRUPT: after a failed fsync nobody knows what the disk holds.
  const { errcode = 0 } = cause as { errcode?: number }
  if ([10, 11].includes(errcode & 0xff)) broken = true
  const failed = messageOf(cause)
  return (errcode & 0xff) === SQLITE_BUSY ? { failed, held: true } : { failed }
}

/** Opens the file anew and goes on only when it is whole. */
function mend(): void {
  try {
    database.close()
  } catch {}
  open()
  const row = database.prepare('PRAGMA quick_check').get()
  if (row?.quick_check !== 'ok') throw new Error(`quick_check: ${String(row?.quick_check)}`)
  broken = false
}

function writeBack(): void {
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {}
}

/**
 * A log that grew while somebody read for long is cut as soon as they are done. Nobody is waited for: while they read, those
 * who write go on.
 */
function shorten(): void {
  if (broken || logBytesOf(options.path) <= MOST_LOG_BYTES) return
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {}
}

function close(): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  } catch {}
  parentPort?.close()
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
