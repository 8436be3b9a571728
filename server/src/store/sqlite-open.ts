import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'

const MOST_PREPARED = 500

export interface SqliteOptions {
  readonly path: string
  readonly busyTimeoutMs: number
}

/**
 * Opens a SQLite file as we want it, and asserts that it is so: a file system that cannot do WAL, or a build that
 * does not sync, must stop the start and not lose what was answered.
 */
export function openSqliteFile({ path, busyTimeoutMs }: SqliteOptions): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  database.exec('PRAGMA foreign_keys = ON')
  database.exec('PRAGMA cache_size = -16000')
  expect(database, 'journal_mode', 'wal')
  expect(database, 'synchronous', 2)
  expect(database, 'foreign_keys', 1)
  return database
}

/** Prepared statements by their text. */
export function prepareOn(database: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new LRUCache<string, StatementSync>({ max: MOST_PREPARED })
  return (sql) => {
    const known = prepared.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    // A guard's parameter may stand in some spellings of a statement only.
    statement.setAllowUnknownNamedParameters(true)
    prepared.set(sql, statement)
    return statement
  }
}

function expect(database: DatabaseSync, pragma: string, value: string | number): void {
  const row = database.prepare(`PRAGMA ${pragma}`).get()
  if (row?.[pragma] !== value) {
    throw new Error(
      `SQLite answers ${pragma} = ${String(row?.[pragma])} and not ${value}: use a local disk`,
    )
  }
}

/** BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB. */
const silence = new Set([5, 6, 8, 10, 11, 13, 14, 15, 26])

/** Whether it is the file that did not answer: no fault of the statement, which may be tried again. */
export function isSilence(cause: unknown): boolean {
  const { errcode = 0 } = cause as { errcode?: number }
  return silence.has(errcode & 0xff)
}
