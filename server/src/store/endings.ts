import type { EndReason } from '../auth/session-end.ts'
import type { Row, Statement } from './database.ts'
import { tellKeysRevoked, tellSessionsEnded } from './events.ts'
import { denyPairings } from './pairing-ends.ts'
import { all, type Guard } from './sql.ts'

/** Whose ways in end, when, why, and on which condition. */
export interface Ending {
  readonly userId: string
  readonly now: number
  readonly reason: EndReason
  readonly guard: Guard
}

/** What ended: this process believes remembered rows of it no longer. */
export interface Ended {
  readonly sessions: readonly string[]
  readonly keyHashes: readonly string[]
}

/**
 * Ends a person's e-mail keys, links and devices that were let in but have not come, then the sessions, but for the one
 * that goes on (security rule 16). Sessions come last: a verify or poll under way holds its row, and the session it makes
 * is seen by the statement after it.
 */
export function endSignIns(ending: Ending, but: string | null): Statement[] {
  const { userId, now, reason, guard } = ending
  const params = { user: userId, now, ...guard.params }
  const live = `user_id = :user AND consumed_at IS NULL AND ended_at IS NULL AND ${guard.sql}`
  return [
    { sql: `UPDATE challenges SET ended_at = :now WHERE ${live}`, params },
    // Whoever took an account over must not end the way back of its owner.
    {
      sql: `UPDATE mail_links SET ended_at = :now WHERE ${live} AND purpose <> 'undo-email'`,
      params,
    },
    denyPairings({ sql: `user_id = :user AND ${guard.sql}`, params }),
    {
      sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
        WHERE user_id = :user AND ended_at IS NULL AND id <> :but AND ${guard.sql} RETURNING id`,
      params: { ...params, reason, but: but ?? '' },
    },
    tellSessionsEnded(now, all(ownedBy(userId), guard)),
    forgetPanics(userId, guard),
  ]
}

const ownedBy = (userId: string): Guard => ({ sql: 'user_id = :whose', params: { whose: userId } })

/** What a panic ended before comes back no more when it is undone: its owner has ended it too. */
export function forgetPanics(userId: string, guard: Guard): Statement {
  return {
    sql: `UPDATE sessions SET panic_id = NULL WHERE user_id = :user AND panic_id IS NOT NULL AND ${guard.sql}`,
    params: { user: userId, ...guard.params },
  }
}

/** Ends what no person has to be present for: API keys, and the standing of known devices. */
export function endPrograms({ userId, now, guard }: Ending): Statement[] {
  const params = { user: userId, now, ...guard.params }
  return [
    {
      sql: `UPDATE devices SET ended_at = :now WHERE user_id = :user AND ended_at IS NULL AND ${guard.sql}`,
      params,
    },
    {
      sql: `UPDATE api_keys SET revoked_at = :now
        WHERE user_id = :user AND revoked_at IS NULL AND ${guard.sql} RETURNING hash`,
      params,
    },
    tellKeysRevoked(now, all(ownedBy(userId), guard)),
  ]
}

/** Reads what ended out of the rows that a transaction returned. */
export function endedIn(results: readonly Row[][]): Ended {
  const rows = results.flat()
  const texts = (column: string) =>
    rows.map((row) => row[column]).filter((value) => typeof value === 'string')
  return {
    sessions: texts('id').filter((id) => id.startsWith('ses_')),
    keyHashes: texts('hash'),
  }
}
