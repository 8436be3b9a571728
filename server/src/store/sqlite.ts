import { chmodSync, closeSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { startWriter } from '../workers/writer.ts'
import {
  type Bulk,
  type Database,
  DatabaseUnavailable,
  type Row,
  type Statement,
} from './database.ts'
import { isBulk } from './sql.ts'
import { logBytesOf } from './sqlite-log.ts'
import { isSilence, openSqliteFile, prepareOn } from './sqlite-open.ts'

const MIGRATIONS = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT`

/** Each as long as a statement waits for another process: ten minutes by default. */
const MOST_WAITS = 300

/** SQLite: reads on this thread by prepared statements, writes in groups on a thread of their own. */
export async function openSqlite(options: {
  path: string
  busyTimeoutMs?: number
}): Promise<Database> {
  const { path, busyTimeoutMs = 2000 } = options
  ownFile(path)
  const writer = await startWriter({ path, busyTimeoutMs })
  const reader = openSqliteFile({ path, busyTimeoutMs })
  reader.exec('PRAGMA query_only = ON')
  const prepare = prepareOn(reader)

  const batch = <R = Row>(statements: readonly (Statement | Bulk)[]) =>
    writer.run(statements.map(inTurn)) as Promise<R[][]>
  const own: Database['aside'] = {
    async read<R = Row>(sql: string, params = {}) {
      try {
        return prepare(sql).all(params) as R[]
      } catch (cause) {
        throw asUnavailable(cause)
      }
    },

    async write<R = Row>(sql: string, params = {}) {
      const [rows] = await writer.run([{ sql, params }])
      return (rows ?? []) as R[]
    },
  }
  return {
    engine: 'SQLite',
    ...own,
    aside: own,
    batch,
    listen: () => ({ read: own.read, close: async () => {} }),

    logBytes: () => logBytesOf(path),

    snapshot: async (statements) => readAtOnce(path, busyTimeoutMs, statements),

    async migrate(version, script) {
      const known = () =>
        prepare('SELECT version FROM schema_migrations WHERE version = :version').get({ version })
      const claim = {
        sql: 'INSERT INTO schema_migrations (version, applied_at) VALUES (:version, unixepoch() * 1000)',
        params: { version },
      }
      const steps = inOurDialect(script).map((sql) => ({ sql, params: {} }))
      await whenFree(() => batch([{ sql: MIGRATIONS, params: {} }]))
      if (known()) return false
      try {
        // The first statement fails for all but one, and with it the rest of its job.
        await whenFree(() => batch([claim, ...steps]))
        return true
      } catch (cause) {
        if (known()) return false
        throw cause
      }
    },

    async close() {
      await writer.close()
      reader.close()
    },
  }
}

/** Waits for as long as another process writes: one migrates, the others come behind it. */
async function whenFree<T>(work: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await work()
    } catch (cause) {
      const isHeld = cause instanceof DatabaseUnavailable && /locked|busy/.test(cause.message)
      if (!isHeld || round === MOST_WAITS) throw cause
    }
  }
}

/** The thread runs a statement over many rows once for each, which takes their values by place. */
function inTurn(statement: Statement | Bulk): Statement | Bulk {
  if (!isBulk(statement)) return statement
  const values = Object.keys(statement.columns).map((name) => `? AS ${name}`)
  return { ...statement, sql: statement.sql.replace(':rows', `(SELECT ${values.join(', ')})`) }
}

/** A connection of its own, whose transaction sees one moment and holds up nobody. */
function readAtOnce(
  path: string,
  busyTimeoutMs: number,
  statements: readonly Statement[],
): Row[][] {
  let database: DatabaseSync | undefined
  try {
    database = openSqliteFile({ path, busyTimeoutMs })
    database.exec('PRAGMA query_only = ON')
    database.exec('BEGIN')
    const own = database
    return statements.map(({ sql, params }) => own.prepare(sql).all(params) as Row[])
  } catch (cause) {
    throw asUnavailable(cause)
  } finally {
    database?.close()
  }
}

/** STRICT tables, whose integers are spelt INTEGER: one statement of the script each. */
function inOurDialect(script: string): string[] {
  return script
    .replace(/\bBIGINT\b/g, 'INTEGER')
    .replace(/^\);$/gm, ') STRICT;')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter(Boolean)
}

const asUnavailable = (cause: unknown) =>
  isSilence(cause) ? new DatabaseUnavailable('SQLite', { cause }) : cause

/** The database is its owner's alone, from its first byte. */
function ownFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}
