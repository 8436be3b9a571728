import { type AuditEvent, recordEvent } from './audit.ts'
import type { Statement } from './database.ts'
import { all, type Guard } from './sql.ts'

/** A refresh token that is used, and what its session has to be to go on by it. */
export interface Continuation {
  readonly id: string
  readonly userId: string
  /** What may be kept of the token: one hash for each generation of keys. */
  readonly hashes: readonly string[]
  /** Since then a token that was replaced is taken for a lost answer. */
  readonly graceSince: number
  /** Seen no later than this, a session is idle. */
  readonly idleSince: number
  readonly event: AuditEvent
}

/** The session goes on by this token: its current one, or the one just replaced. */
export function touchStatements(continuation: Continuation): Statement[] {
  const { event, graceSince } = continuation
  const { sql, params } = hashList(continuation)
  const mine = all(lives(continuation), {
    sql: `(refresh_hash IN (${sql}) OR (parent_hash IN (${sql}) AND refresh_issued_at >= :grace))`,
    params: { ...params, grace: graceSince },
  })
  return [
    {
      sql: `UPDATE sessions SET last_seen_at = :now, seen_source = :source, seen_agent = :agent
        WHERE ${mine.sql}`,
      params: { ...seenIn(event), ...mine.params },
    },
    // Still so where it was: nothing of it is changed above but that it was seen.
    recordEvent(event, {
      sql: `EXISTS (SELECT 1 FROM sessions WHERE ${mine.sql})`,
      params: mine.params,
    }),
  ]
}

/** The successor takes the place of the token, while that is the current one. */
export function rotateStatements(continuation: Continuation, to: string): Statement[] {
  const { id, event } = continuation
  const { sql, params } = hashList(continuation)
  const mine = lives(continuation)
  return [
    {
      sql: `UPDATE sessions SET refresh_hash = :to, parent_hash = refresh_hash, refresh_issued_at = :now,
          last_seen_at = :now, seen_source = :source, seen_agent = :agent
        WHERE ${mine.sql} AND refresh_hash IN (${sql})`,
      params: { to, ...params, ...seenIn(event), ...mine.params },
    },
    recordEvent(event, {
      sql: 'EXISTS (SELECT 1 FROM sessions WHERE id = :rotated AND refresh_hash = :to AND refresh_issued_at = :at)',
      params: { rotated: id, to, at: event.happenedAt },
    }),
  ]
}

/** What auth/session-end.ts says of a session that lives, of one that is this person's. */
function lives({ id, userId, idleSince, event }: Continuation): Guard {
  return {
    sql: `id = :session AND user_id = :owner AND ended_at IS NULL AND expires_at > :now AND last_seen_at > :idle
      AND EXISTS (SELECT 1 FROM users WHERE users.id = :owner AND disabled_at IS NULL
        AND sessions_valid_after <= sessions.created_at)`,
    params: { session: id, owner: userId, now: event.happenedAt, idle: idleSince },
  }
}

function hashList({ hashes }: Continuation) {
  return {
    sql: hashes.map((_, index) => `:hash_${index}`).join(', '),
    params: Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash])),
  }
}

const seenIn = ({ happenedAt, source, agent }: AuditEvent) => ({ now: happenedAt, source, agent })
