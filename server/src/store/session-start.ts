import { LIVE_SESSIONS } from '../limits.ts'
import type { Statement } from './database.ts'
import { tellSessionsEnded } from './events.ts'
import { type Guard, insert } from './sql.ts'

/** A place is forgotten when nobody began a session there for so long. */
const PLACE_KNOWN_MS = 90 * 86_400_000

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly device: { readonly id: string; readonly known: boolean }
  readonly said: DeviceSaid
  /** The network and the kind of program: what makes a place known. */
  readonly place: string
  readonly source: string
  readonly agent: string
  /** What its owner reads, where they said so. */
  readonly language?: string | null
  readonly createdAt: number
  readonly expiresAt: number
  readonly refreshHash: string
  readonly amr: readonly string[]
}

/** What a client says of the device it runs on. */
export interface DeviceSaid {
  readonly name: string | null
  readonly platform: string | null
  readonly location: string | null
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
        ...session.said,
        place: session.place,
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
    tellSessionsEnded(createdAt, { sql: 'user_id = :whose', params: { whose: userId } }),
  ]
}

/** Endings that say that a place was not its owner's: it does not become known by them. */
const disowned = "('not_me', 'email_change_undone', 'token_reuse', 'panic')"

/**
 * Holds when this person began no other session at this place for so long. Of a session from before places were
 * kept the source is known.
 */
export function isNewPlace({ id, userId, place, source, createdAt }: NewSession): Guard {
  return {
    sql: `NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = :placed AND id <> :placing
      AND (place = :place OR (place IS NULL AND source = :placed_from))
      AND created_at > :placed_after
      AND (end_reason IS NULL OR end_reason NOT IN ${disowned}))`,
    params: {
      placed: userId,
      placing: id,
      place,
      placed_from: source,
      placed_after: createdAt - PLACE_KNOWN_MS,
    },
  }
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
