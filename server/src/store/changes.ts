import type { Database, Line } from './database.ts'

/**
 * That something of a person is not as it was: a session, a key, the account, what they may spend. Triggers write it in the
 * transaction that makes the change, whoever makes it; a server that hears of it remembers nothing of that person any more.
 */
export interface ChangeRow {
  /** The transaction that made it; of SQLite a number that grows. */
  readonly txid: number
  readonly user_id: string
  /** By the clock of the database. */
  readonly happened_at: number
}

/** What a look found. */
export interface Look {
  /** Another one than before: what was heard from the last says nothing about this one. */
  readonly place: string
  /** Every transaction below it is over, and what it changed was to be seen. */
  readonly horizon: number
  /** When the look was, by the clock of the database. */
  readonly lookedAt: number
  readonly changes: readonly ChangeRow[]
}

export interface ChangeStore {
  /** Speaks up, where the database can, when something changed; the looks after it go the same way. */
  listen(heard: () => void): void
  /** Changes by this transaction and later ones, so many at most. Without a number only where things stand. */
  look(from: number | null, most: number): Promise<Look>
  close(): Promise<void>
}

/**
 * Numbers of transactions come to be seen in another order than they were given. PostgreSQL knows the oldest one that is
 * not over; in SQLite one is over before the next begins.
 */
const standing: Readonly<Record<Database['engine'], string>> = {
  SQLite: `SELECT '' AS place, (SELECT COALESCE(max(txid), 0) + 1 FROM changes) AS horizon,
    CAST(unixepoch('subsec') * 1000 AS INTEGER) AS looked_at`,
  PostgreSQL: `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS place,
    CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS horizon,
    CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS looked_at`,
}

interface Found {
  readonly place: string
  readonly horizon: number
  readonly looked_at: number
  readonly txid: number | null
  readonly user_id: string
  readonly happened_at: number
}

export function createChangeStore(database: Database): ChangeStore {
  let line: Line | null = null
  return {
    listen(heard) {
      line ??= database.listen(heard)
    },
    async look(from, most) {
      const rows = await (line ?? database).read<Found>(
        `SELECT h.place, h.horizon, h.looked_at, c.txid, c.user_id, c.happened_at
         FROM (${standing[database.engine]}) AS h LEFT JOIN (SELECT txid, user_id, happened_at FROM changes
           WHERE txid >= :from ORDER BY txid LIMIT ${most}) AS c ON 1 = 1 ORDER BY c.txid`,
        { from: from ?? Number.MAX_SAFE_INTEGER },
      )
      const [{ place, horizon, looked_at: lookedAt } = nothing] = rows
      const changes = rows.flatMap(({ txid, user_id, happened_at }) =>
        txid === null ? [] : [{ txid, user_id, happened_at }],
      )
      return { place, horizon, lookedAt, changes }
    },
    async close() {
      await line?.close()
    },
  }
}

const nothing = { place: '', horizon: 0, looked_at: 0 }
