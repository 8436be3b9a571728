import type { EndReason } from '../auth/session-end.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'
import { forgetPanics } from './endings.ts'
import { tellSessionsEnded } from './events.ts'
import { holdUser } from './factor-change.ts'
import { denyPairings } from './pairing-ends.ts'
import { always } from './sql.ts'

/** How sessions end by the hand of somebody who names them. */
export interface SessionEnds {
  /** Ends a session for good. True for the one that ended it. */
  end(id: string, reason: EndReason, event: AuditEvent): Promise<boolean>
  /** Ends a session of this person; another person's stays. True for the one that ended it. */
  endOwn(id: string, userId: string, reason: EndReason, event: AuditEvent): Promise<boolean>
  /** Ends every session of a person but the one named, with each sign-in under way; the ids of those that lived. */
  endOthers(but: string | null, of: string, reason: EndReason, event: AuditEvent): Promise<string[]>
}

export function createSessionEnds(database: Database): SessionEnds {
  return {
    async end(id, reason, event) {
      const [ended] = await database.batch([
        {
          sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
            WHERE id = :id AND ended_at IS NULL RETURNING id`,
          params: { id, reason, now: event.happenedAt },
        },
        tellSessionsEnded(event.happenedAt, { sql: 'id = :ending', params: { ending: id } }),
        // A panic that ended it before brings it back no more.
        { sql: 'UPDATE sessions SET panic_id = NULL WHERE id = :id', params: { id } },
        recordEvent(event),
      ])
      return (ended?.length ?? 0) > 0
    },

    async endOwn(id, userId, reason, event) {
      const [ended] = await database.batch([
        {
          sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
            WHERE id = :id AND user_id = :user AND ended_at IS NULL RETURNING id`,
          params: { id, user: userId, reason, now: event.happenedAt },
        },
        tellSessionsEnded(event.happenedAt, {
          sql: 'id = :ending AND user_id = :whose',
          params: { ending: id, whose: userId },
        }),
        forgetPanics(userId, { sql: 'id = :mine', params: { mine: id } }),
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM sessions WHERE id = :gone AND user_id = :owner AND ended_at = :at)',
          params: { gone: id, owner: userId, at: event.happenedAt },
        }),
      ])
      return (ended?.length ?? 0) > 0
    },

    async endOthers(but, userId, reason, event) {
      const now = event.happenedAt
      const results = await database.batch([
        // In the order of a sign-in, which holds its code, then its person: the session it makes is seen below.
        {
          sql: `UPDATE challenges SET ended_at = :now WHERE user_id = :user AND purpose = 'login'
            AND consumed_at IS NULL AND ended_at IS NULL`,
          params: { user: userId, now },
        },
        holdUser(userId),
        denyPairings({ sql: 'user_id = :user', params: { user: userId, now } }),
        {
          sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
            WHERE user_id = :user AND id <> :but AND ended_at IS NULL RETURNING id, expires_at`,
          params: { but: but ?? '', user: userId, reason, now },
        },
        tellSessionsEnded(now, { sql: 'user_id = :whose', params: { whose: userId } }),
        forgetPanics(userId, always),
        recordEvent(event),
      ])
      const ended = results[3] ?? []
      const lived = ended.filter((row) => Number(row.expires_at) > now)
      return lived.map((row) => String(row.id))
    },
  }
}
