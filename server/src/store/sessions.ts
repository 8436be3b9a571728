import { LIVE_SESSIONS } from '../limits.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { type Guard, insert } from './sql.ts'

/** A session with what its user's row says about it. */
export interface LiveSessionRow {
  readonly id: string
  readonly user_id: string
  readonly device_id: string | null
  readonly created_at: number
  readonly last_seen_at: number
  readonly expires_at: number
  /** The keyed hash of the refresh token that continues it, and of the one before. */
  readonly refresh_hash: string
  readonly refresh_issued_at: number
  readonly parent_hash: string | null
  readonly ended_at: number | null
  readonly end_reason: string | null
  /** How its person signed in (RFC 8176), separated by spaces; null before this was kept. */
  readonly amr: string | null
  readonly address: string
  readonly disabled_at: number | null
  readonly sessions_valid_after: number
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly device: { readonly id: string; readonly known: boolean }
  readonly name: string | null
  readonly source: string
  readonly agent: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly refreshHash: string
  readonly amr: readonly string[]
}

export interface SessionStore {
  find(id: string): Promise<LiveSessionRow | null>
  /** Puts the successor in the place of the refresh token that was current. True for exactly one caller. */
  rotate(id: string, fromHash: string, toHash: string, event: AuditEvent): Promise<boolean>
  /** Ends a session for good. True for the one that ended it. */
  end(id: string, reason: string, event: AuditEvent): Promise<boolean>
  /** Notes that the session goes on. */
  touch(id: string, event: AuditEvent): Promise<void>
}

export function createSessionStore(database: Database): SessionStore {
  return {
    async find(id) {
      const [row] = await database.read<LiveSessionRow>(
        `SELECT s.id, s.user_id, s.device_id, s.created_at, s.last_seen_at, s.expires_at, s.refresh_hash,
           s.refresh_issued_at, s.parent_hash, s.ended_at, s.end_reason, s.amr, u.address, u.disabled_at,
           u.sessions_valid_after
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = :id`,
        { id },
      )
      return row ?? null
    },

    async rotate(id, from, to, event) {
      const [rotated] = await database.batch([
        {
          sql: `UPDATE sessions SET refresh_hash = :to, parent_hash = :from, refresh_issued_at = :now,
              last_seen_at = :now, last_source = :source
            WHERE id = :id AND refresh_hash = :from AND ended_at IS NULL AND expires_at > :now RETURNING id`,
          params: { id, from, to, now: event.happenedAt, source: event.source },
        },
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM sessions WHERE id = :rotated AND refresh_hash = :to AND refresh_issued_at = :at)',
          params: { rotated: id, to, at: event.happenedAt },
        }),
      ])
      return (rotated?.length ?? 0) > 0
    },

    async end(id, reason, event) {
      const [ended] = await database.batch([
        {
          sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
            WHERE id = :id AND ended_at IS NULL RETURNING id`,
          params: { id, reason, now: event.happenedAt },
        },
        // A panic that ended it before brings it back no more.
        { sql: 'UPDATE sessions SET panic_id = NULL WHERE id = :id', params: { id } },
        recordEvent(event),
      ])
      return (ended?.length ?? 0) > 0
    },

    async touch(id, event) {
      await database.batch([
        {
          sql: 'UPDATE sessions SET last_seen_at = :now, last_source = :source WHERE id = :id',
          params: { id, now: event.happenedAt, source: event.source },
        },
        recordEvent(event),
      ])
    },
  }
}

/** The statements that start a session on its device, and end the oldest ones past the most a person has. */
export function startSession(session: NewSession, guard: Guard): Statement[] {
  const { userId, device, createdAt } = session
  return [
    insert(
      'sessions',
      {
        id: session.id,
        user_id: userId,
        device_id: device.id,
        name: session.name,
        source: session.source,
        agent: session.agent,
        created_at: createdAt,
        last_seen_at: createdAt,
        expires_at: session.expiresAt,
        refresh_hash: session.refreshHash,
        refresh_issued_at: createdAt,
        amr: session.amr.join(' '),
      },
      guard,
    ),
    device.known ? useDevice(session, guard) : createDevice(session, guard),
    {
      sql: `UPDATE sessions SET ended_at = :now, end_reason = 'too_many_sessions'
        WHERE user_id = :user AND ended_at IS NULL AND ${guard.sql} AND id NOT IN (
          SELECT id FROM sessions WHERE user_id = :user AND ended_at IS NULL AND expires_at > :now
          ORDER BY created_at DESC, id LIMIT ${LIVE_SESSIONS})`,
      params: { now: createdAt, user: userId, ...guard.params },
    },
  ]
}

function createDevice({ userId, device, createdAt }: NewSession, guard: Guard): Statement {
  const row = { id: device.id, user_id: userId, created_at: createdAt, last_used_at: createdAt }
  return insert('devices', row, guard)
}

function useDevice({ device, createdAt }: NewSession, guard: Guard): Statement {
  return {
    sql: `UPDATE devices SET last_used_at = :now WHERE id = :id AND ${guard.sql}`,
    params: { now: createdAt, id: device.id, ...guard.params },
  }
}
