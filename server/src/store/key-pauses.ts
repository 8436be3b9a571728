import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Value } from './database.ts'

/** A pause is its owner's (`paused_by` is null), the operator's or a panic's, and nobody takes back what is the other's. */
export interface KeyPauses {
  /** True for the one that paused it, in the operator's name; an owner's or a panic's becomes the operator's. */
  pause(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that resumed it, whoever paused it. */
  resume(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that paused it, in its owner's name. */
  pauseOwn(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that took its owner's pause back. */
  resumeOwn(id: string, userId: string, event: AuditEvent): Promise<boolean>
}

const live = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)'
const going = 'paused_at IS NULL'
const paused = 'paused_at IS NOT NULL'
const pausedByOwner = 'paused_at IS NOT NULL AND paused_by IS NULL'
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
    resumeOwn: change(pausedByOwner, release),
  }
}
