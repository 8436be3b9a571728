import { type AuditEvent, recordEvent } from './audit.ts'
import { type Counter, taken, takeStatements } from './budgets.ts'
import { type ChallengeRow, keepChallenge, type Opening } from './challenges.ts'
import type { Database } from './database.ts'
import { holdUser } from './factor-change.ts'
import type { LimitName } from './spending.ts'
import { all, type Guard, insert } from './sql.ts'

/** What an owner asked to allow a key for a while; nothing is raised before the code was right. */
export interface RaiseRow {
  readonly id: string
  readonly user_id: string
  readonly key_id: string
  readonly challenge_id: string
  readonly limit_name: LimitName
  /** Tokens, or millionths of a unit. */
  readonly amount: number
  readonly created_at: number
  readonly granted_at: number | null
  readonly expires_at: number
}

/** With the name of its key, for the letter. */
export interface NamedRaiseRow extends RaiseRow {
  readonly key_name: string
}

export interface RaiseStore {
  /** Opens the challenge in the place of any other raise of this person, unless the mail budget is spent. */
  open(opening: Opening, raise: RaiseRow, mails: Counter): Promise<boolean>
  findByChallenge(challengeId: string): Promise<NamedRaiseRow | null>
  /**
   * Uses up the challenge and raises the limit until then: `raised` for exactly one caller, and only as long as all
   * that is raised of a limit together is no more than the limit itself; else it is `full`.
   */
  grant(
    challenge: ChallengeRow,
    raise: RaiseRow,
    until: number,
    event: AuditEvent,
  ): Promise<'raised' | 'used' | 'full'>
}

const caps = ['tokens_per_day', 'tokens_per_month', 'money_per_day', 'money_per_month']
/** The limit of a live key as it stands now. */
const capNow = `(SELECT CASE budget_raises.limit_name ${caps.map((name) => `WHEN '${name}' THEN k.${name}`).join(' ')} END
  FROM api_keys k WHERE k.id = budget_raises.key_id AND k.revoked_at IS NULL)`
const raisedNow = `(SELECT COALESCE(sum(o.amount), 0) FROM budget_raises o WHERE o.key_id = budget_raises.key_id
  AND o.limit_name = budget_raises.limit_name AND o.granted_at IS NOT NULL AND o.expires_at > :now)`

export function createRaiseStore(database: Database): RaiseStore {
  return {
    async open(opening, raise, mails) {
      const { challenge, tryId } = opening
      const paid = taken(mails, tryId)
      const [took] = await database.batch([
        ...takeStatements([mails], challenge.created_at, tryId),
        {
          sql: `UPDATE challenges SET ended_at = :now WHERE user_id = :user AND purpose = 'budget_raise'
            AND ended_at IS NULL AND consumed_at IS NULL AND ${paid.sql}`,
          params: { now: challenge.created_at, user: raise.user_id, ...paid.params },
        },
        ...keepChallenge(opening, paid),
        insert('budget_raises', { ...raise }, paid),
      ])
      return (took?.length ?? 0) > 0
    },

    async findByChallenge(challengeId) {
      const [row] = await database.read<NamedRaiseRow>(
        `SELECT r.id, r.user_id, r.key_id, r.challenge_id, r.limit_name, r.amount, r.created_at, r.granted_at,
           r.expires_at, k.name AS key_name
         FROM budget_raises r JOIN api_keys k ON k.id = r.key_id WHERE r.challenge_id = :challenge`,
        { challenge: challengeId },
      )
      return row ?? null
    },

    async grant(challenge, raise, until, event) {
      const now = event.happenedAt
      const consumed: Guard = {
        sql: 'EXISTS (SELECT 1 FROM challenges WHERE id = :consumed AND consumed_by = :consumed_by)',
        params: { consumed: challenge.id, consumed_by: raise.id },
      }
      const granted: Guard = {
        sql: 'EXISTS (SELECT 1 FROM budget_raises WHERE id = :granted AND granted_at = :granted_at)',
        params: { granted: raise.id, granted_at: now },
      }
      const [used, , raised] = await database.batch([
        {
          sql: `UPDATE challenges SET consumed_at = :now, consumed_by = :raise WHERE id = :id
            AND generation = :generation AND consumed_at IS NULL AND ended_at IS NULL RETURNING id`,
          params: { now, raise: raise.id, id: challenge.id, generation: challenge.generation },
        },
        // Two raises of one person happen one after the other: together they must stay within the limit.
        holdUser(raise.user_id),
        {
          sql: `UPDATE budget_raises SET granted_at = :now, expires_at = :until
            WHERE id = :id AND granted_at IS NULL AND ${consumed.sql} AND amount + ${raisedNow} <= ${capNow}
            RETURNING id`,
          params: { now, until, id: raise.id, ...consumed.params },
        },
        recordEvent(event, all(granted, consumed)),
      ])
      if (!used?.length) return 'used'
      return raised?.length ? 'raised' : 'full'
    },
  }
}
