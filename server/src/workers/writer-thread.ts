import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { Row } from '../store/database.ts'
import { logBytesOf, MOST_LOG_BYTES } from '../store/sqlite-log.ts'
import { isSilence, openSqliteFile, prepareOn } from '../store/sqlite-open.ts'
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
}

/** One transaction, one fsync, for everything that waits. */
function writeGroup(group: readonly Job[]): GroupAnswer {
  try {
    if (broken) mend()
    begin()
    const outcomes = group.map(runJob)
    database.exec('COMMIT')
    return { outcomes }
  } catch (cause) {
    return giveUp(cause)
  }
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

/** A job of several statements is kept whole or not at all; one that fails leaves the others of the group alone. */
function runJob(job: Job): Outcome {
  const several = job.length > 1
  if (several) database.exec('SAVEPOINT job')
  try {
    const rows = job.map(({ sql, params }) => prepare(sql).all(params) as Row[])
    if (several) database.exec('RELEASE job')
    return { rows }
  } catch (cause) {
    // A disk that is full, or gone, is so for the whole group.
    if (!database.isTransaction || isSilence(cause)) throw cause
    if (several) database.exec('ROLLBACK TO job; RELEASE job')
    return { error: messageOf(cause) }
  }
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
