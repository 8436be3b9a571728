import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'
import type { LimitName, SpendingLimits } from './spending.ts'
import type { Guard } from './sql.ts'

/** More of one limit of one key, for a while. */
export interface Raise {
  readonly key_id: string
  readonly limit_name: LimitName
  readonly amount: number
  readonly expires_at: number
}

/** What a person may spend, beside the limits that stand on their keys. */
export interface AllowanceRow {
  /** Set by the operator for this person; null where the standard of the server holds. */
  readonly limits: SpendingLimits | null
  readonly raises: readonly Raise[]
}

export interface AllowanceStore {
  find(userId: string, now: number): Promise<AllowanceRow>
  /** Sets a person's own limits; null puts the standard of the server back. */
  appoint(userId: string, limits: SpendingLimits | null, event: AuditEvent): Promise<void>
}

export function createAllowanceStore(database: Database): AllowanceStore {
  return {
    async find(userId, now) {
      // One row for each raise, and one where there is none: both are read in one trip.
      const rows = await database.read<SpendingLimits & Raise & { owner: string | null }>(
        `SELECT l.user_id AS owner, l.tokens_per_day, l.tokens_per_month, l.money_per_day, l.money_per_month,
           r.key_id, r.limit_name, r.amount, r.expires_at
         FROM (SELECT 1 AS one) asked LEFT JOIN person_limits l ON l.user_id = :user
           LEFT JOIN budget_raises r ON r.user_id = :user AND r.expires_at > :now AND r.granted_at IS NOT NULL`,
        { user: userId, now },
      )
      const [first] = rows
      return {
        limits: first?.owner ? limitsOf(first) : null,
        raises: rows.filter(({ key_id }) => key_id !== null).map(raiseOf),
      }
    },

    async appoint(userId, limits, event) {
      const there: Guard = {
        sql: 'EXISTS (SELECT 1 FROM users WHERE id = :user)',
        params: { user: userId },
      }
      await database.batch([
        limits
          ? {
              sql: `INSERT INTO person_limits (user_id, tokens_per_day, tokens_per_month, money_per_day,
                  money_per_month, set_at)
                SELECT id, CAST(:tokens_per_day AS BIGINT), CAST(:tokens_per_month AS BIGINT),
                  CAST(:money_per_day AS BIGINT), CAST(:money_per_month AS BIGINT), CAST(:now AS BIGINT)
                FROM users WHERE id = :user
                ON CONFLICT (user_id) DO UPDATE SET tokens_per_day = excluded.tokens_per_day,
                  tokens_per_month = excluded.tokens_per_month, money_per_day = excluded.money_per_day,
                  money_per_month = excluded.money_per_month, set_at = excluded.set_at`,
              params: { ...limits, user: userId, now: event.happenedAt },
            }
          : { sql: 'DELETE FROM person_limits WHERE user_id = :user', params: { user: userId } },
        recordEvent(event, there),
      ])
    },
  }
}

const limitsOf = (row: SpendingLimits): SpendingLimits => ({
  tokens_per_day: row.tokens_per_day,
  tokens_per_month: row.tokens_per_month,
  money_per_day: row.money_per_day,
  money_per_month: row.money_per_month,
})

const raiseOf = ({ key_id, limit_name, amount, expires_at }: Raise): Raise => ({
  key_id,
  limit_name,
  amount,
  expires_at,
})
