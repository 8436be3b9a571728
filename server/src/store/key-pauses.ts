import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Value } from './database.ts'

/**
 * A pause is its owner's (`paused_by` is null), a canary's in their name, the operator's or a panic's, and nobody takes back
 * what is the other's.
 */
export interface KeyPauses {
  /** True for the one that paused it, in the operator's name; an owner's or a panic's becomes the operator's. */
  pause(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that resumed it, whoever paused it. */
  resume(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that paused it, because a canary was tried. */
  pauseForCanary(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** Keys with the label that this canary names, and with the value that it has itself, newest first. */
  listLike(canaryId: string, userId: string): Promise<LikeRow[]>
  /** True for the one that paused it, in its owner's name. */
  pauseOwn(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that took its owner's pause back, or a canary's. */
  resumeOwn(id: string, userId: string, event: AuditEvent): Promise<boolean>
}

/** A key, and who paused it. */
export interface LikeRow {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly last4: string
  readonly paused_at: number | null
  readonly paused_by: string | null
}

const like = `SELECT k.id, k.name, k.prefix, k.last4, k.paused_at, k.paused_by FROM api_keys c
  JOIN api_key_labels own ON own.key_id = c.id AND own.name = c.canary_pauses_label
  JOIN api_key_labels other ON other.name = own.name AND other.value = own.value
  JOIN api_keys k ON k.id = other.key_id AND k.user_id = c.user_id
  WHERE c.id = :canary AND c.user_id = :user AND k.canary_at IS NULL AND k.revoked_at IS NULL
  ORDER BY k.created_at DESC, k.id`

const live = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)'
const going = 'paused_at IS NULL'
const paused = 'paused_at IS NOT NULL'
const pausedByOwner = "paused_at IS NOT NULL AND (paused_by IS NULL OR paused_by = 'canary')"
const pausedInPanic = "paused_by = 'panic'"

export function createKeyPauses(database: Database): KeyPauses {
  const change = (from: string, set: string, by?: Record<string, Value>): KeyPauses['pause'] => {
    return async (id, userId, event) => {
      const params = { id, user: userId }
      const mine = 'id = :id AND user_id = :user'
      const now = event.happenedAt
      const [, , changed] = await database.batch([
        // Held first, so that of two at once the second finds what the first has made of it.
        { sql: `UPDATE api_keys SET user_id = user_id WHERE ${mine}`, params },
        recordEvent(event, {
          sql: `EXISTS (SELECT 1 FROM api_keys WHERE id = :held AND user_id = :owner
            AND ${live} AND ${from})`,
          params: { held: id, owner: userId, now },
        }),
        {
          sql: `UPDATE api_keys SET ${set} WHERE ${mine} AND ${live} AND ${from} RETURNING id`,
          params: { ...params, now, ...by },
        },
      ])
      return (changed?.length ?? 0) > 0
    }
  }
  const hold = 'paused_at = :now, paused_by = :by'
  const release = 'paused_at = NULL, paused_by = NULL'
  return {
    pause: change(`(${going} OR (${pausedByOwner}) OR ${pausedInPanic})`, hold, { by: 'operator' }),
    resume: change(paused, release),
    pauseOwn: change(going, hold, { by: null }),
    pauseForCanary: change(going, hold, { by: 'canary' }),
    listLike: (canaryId, userId) =>
      database.read<LikeRow>(like, { canary: canaryId, user: userId }),
    resumeOwn: change(pausedByOwner, release),
  }
}
