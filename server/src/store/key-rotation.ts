import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { tellKeysRevoked } from './events.ts'
import type { Guard } from './sql.ts'

/** A key's next secret, and what becomes of the one it has. */
export interface Rotation {
  readonly id: string
  readonly userId: string
  /** The secret that is replaced: of two who rotate at once, one finds another. */
  readonly from: string
  readonly hash: string
  readonly prefix: string
  readonly last4: string
  readonly formerEndsAt: number
  readonly silenceMs: number | null
}

export interface KeyRotations {
  /**
   * True for the one that replaced it. The secret before the one replaced opens nothing from now on; where the one replaced
   * does not either, the keys that were made with it are revoked.
   */
  rotate(rotation: Rotation, event: AuditEvent): Promise<boolean>
}

export function createKeyRotations(database: Database): KeyRotations {
  return {
    async rotate({ id, userId, from, formerEndsAt, silenceMs, ...next }, event) {
      const done: Guard = {
        sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :rotated AND hash = :made)',
        params: { rotated: id, made: next.hash },
      }
      const [rotated] = await database.batch([
        {
          sql: `UPDATE api_keys SET former_hash = hash, former_prefix = prefix, former_last4 = last4,
              former_ends_at = :ends, former_silence_ms = :silence, former_heard_at = :now,
              former_warned_at = NULL, replaced_at = :now, hash = :hash, prefix = :prefix, last4 = :last4
            WHERE id = :id AND user_id = :user AND hash = :from AND revoked_at IS NULL
              AND (expires_at IS NULL OR expires_at > :now) RETURNING id`,
          params: {
            ...{ ...next, id, user: userId, from },
            ...{ ends: formerEndsAt, silence: silenceMs, now: event.happenedAt },
          },
        },
        {
          sql: `DELETE FROM former_secret_callers WHERE key_id = :id AND ${done.sql}`,
          params: { id, ...done.params },
        },
        ...(formerEndsAt > event.happenedAt ? [] : [revokeChildren(id, event.happenedAt, done)]),
        recordEvent(event, done),
      ])
      return (rotated?.length ?? 0) > 0
    },
  }
}

/** Whoever holds a secret that leaked has had time to make keys of it. */
function revokeChildren(id: string, now: number, done: Guard): Statement {
  return {
    sql: `UPDATE api_keys SET revoked_at = :now
      WHERE parent_id = :id AND revoked_at IS NULL AND ${done.sql}`,
    params: { id, now, ...done.params },
    also: [tellKeysRevoked(now, { sql: 'parent_id = :id', params: { id } })],
  }
}
