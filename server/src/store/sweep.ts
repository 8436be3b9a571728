import type { Database, Params } from './database.ts'

/** Counters of names that are nobody's: what strangers choose may not fill the disk. */
const MOST_STRANGER_BUDGETS = 200_000
const MOST_AT_ONCE = 1000
const DAY = 86_400_000
/** An ended session is kept as long as somebody may ask why it ended. */
const ENDED_KEPT_MS = 30 * DAY

export interface SweepStore {
  /** Deletes what is over, at most a thousand rows of a kind. The number of rows that went. */
  expired(now: number, kept: { readonly auditDays: number }): Promise<number>
}

/** Cast, since PostgreSQL takes what is set off against a small number for a small number. */
const at = 'CAST(:now AS BIGINT)'

/** Rows that are over, by table. An audit row goes only once the chain has passed it. */
const over: readonly (readonly [table: string, condition: string])[] = [
  ['budgets', 'expires_at <= :now'],
  ['registrations', 'expires_at <= :now'],
  ['name_claims', 'expires_at <= :now'],
  ['challenges', `resend_until <= ${at} - ${DAY} AND code_expires_at <= ${at} - ${DAY}`],
  ['sessions', `expires_at <= ${at} - ${ENDED_KEPT_MS}`],
  ['invitations', `expires_at <= ${at} - ${DAY}`],
  ['mail_links', `expires_at <= ${at} - ${DAY}`],
  ['outbox', `expires_at <= ${at} - ${DAY}`],
  ['audit_events', 'happened_at <= :audit_until AND position IS NOT NULL'],
]

export function createSweepStore(database: Database): SweepStore {
  const keyOf = (table: string) =>
    ({ budgets: 'key', registrations: 'address', name_claims: 'user_name' })[table] ?? 'id'

  const remove = async (table: string, condition: string, params: Params) => {
    const key = keyOf(table)
    const rows = await database.write(
      `DELETE FROM ${table} WHERE ${key} IN
        (SELECT ${key} FROM ${table} WHERE ${condition} LIMIT ${MOST_AT_ONCE}) RETURNING ${key}`,
      params,
    )
    return rows.length
  }

  /** Past the most, those that were idle longest go; one that blocks a name stays until its time. */
  const evictStrangers = async () => {
    const [row] = await database.read<{ count: number }>(
      'SELECT count(*) AS count FROM budgets WHERE user_id IS NULL',
    )
    const excess = (row?.count ?? 0) - MOST_STRANGER_BUDGETS
    if (excess <= 0) return 0
    const gone = await database.write(
      `DELETE FROM budgets WHERE key IN (
        SELECT key FROM budgets WHERE user_id IS NULL AND length(log) < 65 AND streak < 100
        ORDER BY substr(log, 1, 13) LIMIT :most) RETURNING key`,
      { most: Math.min(excess, MOST_AT_ONCE * 10) },
    )
    return gone.length
  }

  return {
    async expired(now, { auditDays }) {
      let gone = await evictStrangers()
      const params = { now, audit_until: now - auditDays * DAY }
      for (const [table, condition] of over) gone += await remove(table, condition, params)
      return gone
    },
  }
}
