import type { Database } from './database.ts'

/** What `doctor` wants to know of a database. */
export interface InspectionStore {
  readonly engine: Database['engine']
  newestVersion(): Promise<string>
  /** The database's own clock. */
  now(): Promise<number>
  /** The moment of the newest event of the trail; 0 when there is none. */
  newestEvent(): Promise<number>
  /** Bytes of SQLite's log, which somebody who reads for long keeps from being written back; null on PostgreSQL. */
  logBytes(): number | null
}

/** The one thing the two databases spell each in their own way. */
const clocks: Readonly<Record<Database['engine'], string>> = {
  SQLite: "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now",
  PostgreSQL: 'SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now',
}

export function createInspectionStore(database: Database): InspectionStore {
  return {
    engine: database.engine,
    logBytes: database.logBytes,

    async newestVersion() {
      const [row] = await database.read<{ version: string }>(
        'SELECT max(version) AS version FROM schema_migrations',
      )
      return row?.version ?? 'none'
    },

    async now() {
      const [row] = await database.read<{ now: number }>(clocks[database.engine])
      return row?.now ?? 0
    },

    async newestEvent() {
      const [row] = await database.read<{ newest: number | null }>(
        'SELECT max(happened_at) AS newest FROM audit_events',
      )
      return row?.newest ?? 0
    },
  }
}
