import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { holdUser } from './factor-change.ts'
import { type DeviceSaid, isNewPlace, type NewSession, startSession } from './session-start.ts'
import { all, type Guard, insert, isTaken } from './sql.ts'
import { type Told, tell } from './told.ts'

/** A device that asks to be let in by somebody who is signed in elsewhere. */
export interface PairingRow extends DeviceSaid {
  readonly id: string
  /** Keyed hashes of the code that the device holds, and of the one that its person types. */
  readonly device_hash: string
  readonly user_hash: string
  readonly source: string
  readonly agent: string
  readonly created_at: number
  readonly expires_at: number
  /** The shortest pause between two polls; one that comes sooner makes it longer. */
  readonly interval_ms: number
  readonly polled_at: number | null
  readonly hurried_at: number | null
  /** Who let it in, how that person had signed in, and the session that did it. */
  readonly user_id: string | null
  readonly amr: string | null
  readonly allowed_by: string | null
  readonly allowed_at: number | null
  readonly denied_at: number | null
  readonly consumed_at: number | null
}

export type NewPairing = Pick<
  PairingRow,
  | 'id'
  | 'device_hash'
  | 'user_hash'
  | 'name'
  | 'platform'
  | 'location'
  | 'source'
  | 'agent'
  | 'created_at'
  | 'expires_at'
  | 'interval_ms'
>

export interface Allowance {
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  readonly amr: readonly string[]
}

/** What letting a device in leaves behind, in one transaction. */
export interface Entry {
  readonly id: string
  readonly session: NewSession
  readonly event: AuditEvent
  readonly ifNew: Told | null
}

export interface PairingStore {
  /** False when one of its codes is another's: then it takes other codes. */
  create(pairing: NewPairing, event: AuditEvent): Promise<boolean>
  findByDevice(hashes: readonly string[]): Promise<PairingRow | null>
  /** One that waits for an answer, and for nobody else's. */
  findWaiting(hashes: readonly string[], now: number): Promise<PairingRow | null>
  /** Notes a poll. False when it came too soon: then the pause grows by `slowerMs`. */
  poll(id: string, now: number, slowerMs: number): Promise<boolean>
  /** Lets the device in, while nobody has answered and the session lives. True for exactly one caller. */
  allow(allowance: Allowance, event: AuditEvent): Promise<boolean>
  /** Turns the device away, while nobody has answered. True for exactly one caller. */
  deny(id: string, event: AuditEvent): Promise<boolean>
  /** Starts the session. True for exactly one caller, and only while what allowed it still stands. */
  consume(entry: Entry): Promise<boolean>
}

const columns = `id, device_hash, user_hash, name, platform, location, source, agent, created_at, expires_at,
  interval_ms, polled_at, hurried_at, user_id, amr, allowed_by, allowed_at, denied_at, consumed_at`
const waits = 'allowed_at IS NULL AND denied_at IS NULL AND expires_at > :now'
/** A clock and a network may shorten a pause by so much. */
const JITTER_MS = 500

/**
 * Whoever allowed it may have signed out since; where their session ended otherwise, nothing rests on it any more.
 * What ends all of a person's ways in turns away what such a session left behind (store/pairing-ends.ts).
 */
const stands = `EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id = pairings.allowed_by AND s.user_id = pairings.user_id
    AND (s.ended_at IS NULL OR s.end_reason = 'signed_out')
    AND u.disabled_at IS NULL AND s.created_at >= u.sessions_valid_after)`

export function createPairingStore(database: Database): PairingStore {
  const find = async (column: string, hashes: readonly string[], more = '', params = {}) => {
    const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
    const named = Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash]))
    const [row] = await database.read<PairingRow>(
      `SELECT ${columns} FROM pairings WHERE ${column} IN (${names}) ${more}`,
      { ...named, ...params },
    )
    return row ?? null
  }
  const changedBy = async (index: number, statements: Statement[]) => {
    const results = await database.batch(statements)
    return (results.at(index)?.length ?? 0) > 0
  }
  return {
    async create(pairing, event) {
      try {
        await database.batch([insert('pairings', { ...pairing }), recordEvent(event)])
        return true
      } catch (cause) {
        if (isTaken(cause)) return false
        throw cause
      }
    },
    findByDevice: (hashes) => find('device_hash', hashes),
    findWaiting: (hashes, now) => find('user_hash', hashes, `AND ${waits}`, { now }),

    async poll(id, now, slowerMs) {
      const early = `polled_at + interval_ms > :early`
      const [row] = await database.write<{ hurried_at: number | null }>(
        `UPDATE pairings SET
           interval_ms = CASE WHEN ${early} THEN interval_ms + ${slowerMs} ELSE interval_ms END,
           hurried_at = CASE WHEN ${early} THEN CAST(:now AS BIGINT) ELSE NULL END,
           polled_at = :now
         WHERE id = :id RETURNING hurried_at`,
        { id, now, early: now + JITTER_MS },
      )
      return row?.hurried_at === null
    },

    allow: ({ id, userId, sessionId, amr }, event) =>
      changedBy(1, [
        // Whatever ends the person's ways in comes before it, and is seen here, or after it, and sees this.
        holdUser(userId),
        {
          sql: `UPDATE pairings SET user_id = :user, allowed_by = :session, amr = :amr, allowed_at = :now
            WHERE id = :id AND ${waits} AND EXISTS (
              SELECT 1 FROM sessions WHERE id = :session AND user_id = :user AND ended_at IS NULL)
            RETURNING id`,
          params: {
            id,
            user: userId,
            session: sessionId,
            amr: amr.join(' '),
            now: event.happenedAt,
          },
        },
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM pairings WHERE id = :paired AND allowed_by = :by AND allowed_at = :at)',
          params: { paired: id, by: sessionId, at: event.happenedAt },
        }),
      ]),

    deny: (id, event) =>
      changedBy(0, [
        {
          sql: `UPDATE pairings SET denied_at = :now WHERE id = :id AND ${waits} RETURNING id`,
          params: { id, now: event.happenedAt },
        },
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM pairings WHERE id = :turned_away AND denied_at = :at)',
          params: { turned_away: id, at: event.happenedAt },
        }),
      ]),

    // The row of the second statement says whether the session began.
    consume: (entry) => changedBy(1, consumeStatements(entry)),
  }
}

function consumeStatements({ id, session, event, ifNew }: Entry): Statement[] {
  const now = event.happenedAt
  const mine: Guard = {
    sql: 'EXISTS (SELECT 1 FROM pairings WHERE id = :consumed AND consumed_by = :consumed_by)',
    params: { consumed: id, consumed_by: session.id },
  }
  return [
    // In the order of a deletion, so that the two never wait for each other.
    holdUser(session.userId),
    {
      sql: `UPDATE pairings SET consumed_at = :now, consumed_by = :session
        WHERE id = :id AND allowed_at IS NOT NULL AND user_id = :user AND consumed_at IS NULL
          AND denied_at IS NULL
          AND expires_at > :now AND ${stands} RETURNING id`,
      params: { id, now, session: session.id, user: session.userId },
    },
    {
      sql: `UPDATE users SET last_login_at = :now WHERE id = :user AND ${mine.sql}`,
      params: { now, user: session.userId, ...mine.params },
    },
    ...startSession(session, mine),
    // The person's row is held since the statement above it: of two at once the second sees the first.
    ...(ifNew ? tell(ifNew, all(mine, isNewPlace(session))) : []),
    recordEvent(event, mine),
  ]
}
