import { type AuditEvent, recordEvent } from './audit.ts'
import { type Continuation, rotateStatements, touchStatements } from './continuation.ts'
import type { Database, Statement } from './database.ts'
import { createSessionEnds, type SessionEnds } from './session-ends.ts'
import type { Guard } from './sql.ts'
import { type Told, tell } from './told.ts'

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
  /** Where it began: the network and the kind of program. */
  readonly place: string | null
  /** When it was first continued from another place. */
  readonly roamed_at: number | null
  readonly address: string
  readonly disabled_at: number | null
  readonly sessions_valid_after: number
}

/** A session as its person sees it: where it began, and where it was last. */
export interface SessionRow extends LiveSessionRow {
  /** What its client said of itself, where it did. */
  readonly name: string | null
  readonly platform: string | null
  readonly location: string | null
  readonly source: string
  readonly agent: string
  readonly seen_source: string | null
  readonly seen_agent: string | null
}

/** What a list says of each: every column that is read costs in every row, and no hash is read that is not told. */
export type ListedSessionRow = Omit<
  SessionRow,
  | 'user_id'
  | 'device_id'
  | 'refresh_hash'
  | 'refresh_issued_at'
  | 'parent_hash'
  | 'place'
  | 'roamed_at'
  | 'address'
>

/** A session that was used, and from where. */
export interface Sighting {
  readonly id: string
  readonly at: number
  readonly source: string
  readonly agent: string
}

export interface SessionQuery {
  readonly userId: string
  readonly state: 'live' | 'ended'
  readonly now: number
  /** Seen no later than this, a session is idle. */
  readonly idleSince: number
  readonly after: string | null
  readonly most: number
}

export interface SessionStore extends SessionEnds {
  find(id: string): Promise<LiveSessionRow | null>
  /** The session of this person, alive or over; another person's is none. */
  findOwn(id: string, userId: string): Promise<SessionRow | null>
  /** The session, whoever's it is: for the operator. */
  findAnybodys(id: string): Promise<SessionRow | null>
  /** All that is kept of a person's sessions, newest first. */
  listKept(userId: string, most: number): Promise<SessionRow[]>
  /** The sessions of a person that live, or those that are over; newest first, those after the one named. */
  list(query: SessionQuery): Promise<ListedSessionRow[]>
  /**
   * Puts the successor in the place of the refresh token in hand, while that is the current one: for exactly one caller.
   * The session as it then is, whoever it belongs to: of one that did not go on it says why.
   */
  rotate(continuation: Continuation, toHash: string): Promise<LiveSessionRow | null>
  /** Notes that the session goes on from elsewhere, and tells its owner; happens once to each session. */
  roam(id: string, told: Told, event: AuditEvent): Promise<boolean>
  /** Notes that the session goes on, where the refresh token in hand continues it. The same answer. */
  touch(continuation: Continuation): Promise<LiveSessionRow | null>
  /** Notes where a session was used, unless it was noted less than this long before. */
  see(sighting: Sighting, grainMs: number): Promise<void>
}

const lifeColumns = `s.id, s.created_at, s.last_seen_at, s.expires_at, s.ended_at, s.end_reason, s.amr,
  u.disabled_at, u.sessions_valid_after`
const liveColumns = `${lifeColumns}, s.user_id, s.device_id, s.refresh_hash, s.refresh_issued_at, s.parent_hash, s.place,
  s.roamed_at, u.address`
const shownColumns =
  's.name, s.platform, s.location, s.source, s.agent, s.seen_source, s.seen_agent'
const columns = `${liveColumns}, ${shownColumns}`
const live = `s.ended_at IS NULL AND s.expires_at > :now AND s.last_seen_at > :idle
  AND s.created_at >= u.sessions_valid_after`
const fromUsers = 'FROM sessions s JOIN users u ON u.id = s.user_id'

const findLive = `SELECT ${liveColumns} ${fromUsers} WHERE s.id = :id`

export function createSessionStore(database: Database): SessionStore {
  const after = async (statements: readonly Statement[], id: string) => {
    const look = { sql: findLive, params: { id } }
    const results = await database.batch<LiveSessionRow>([...statements, look])
    return results.at(-1)?.[0] ?? null
  }
  return {
    ...createSessionEnds(database),

    async find(id) {
      const [row] = await database.aside.read<LiveSessionRow>(findLive, { id })
      return row ?? null
    },

    async findOwn(id, userId) {
      const [row] = await database.read<SessionRow>(
        `SELECT ${columns} ${fromUsers} WHERE s.id = :id AND s.user_id = :user`,
        { id, user: userId },
      )
      return row ?? null
    },

    async findAnybodys(id) {
      const [row] = await database.read<SessionRow>(
        `SELECT ${columns} ${fromUsers} WHERE s.id = :id`,
        { id },
      )
      return row ?? null
    },

    listKept: (userId, most) =>
      database.read<SessionRow>(
        `SELECT ${columns} ${fromUsers} WHERE s.user_id = :user
         ORDER BY s.created_at DESC, s.id LIMIT :most`,
        { user: userId, most },
      ),

    list: ({ userId, state, now, idleSince, after, most }) =>
      database.read<ListedSessionRow>(
        `SELECT ${lifeColumns}, ${shownColumns} ${fromUsers}
         WHERE s.user_id = :user AND ${state === 'live' ? live : `NOT (${live})`}
           AND (CAST(:after AS TEXT) IS NULL
             OR s.created_at < (SELECT created_at FROM sessions WHERE id = :after AND user_id = :user)
             OR (s.created_at = (SELECT created_at FROM sessions WHERE id = :after AND user_id = :user)
               AND s.id > :after))
         ORDER BY s.created_at DESC, s.id LIMIT :most`,
        { user: userId, now, idle: idleSince, after, most },
      ),

    rotate: (continuation, to) => after(rotateStatements(continuation, to), continuation.id),
    touch: (continuation) => after(touchStatements(continuation), continuation.id),

    async roam(id, told, event) {
      const first: Guard = {
        sql: `EXISTS (SELECT 1 FROM sessions
          WHERE id = :roaming AND roamed_at IS NULL AND ended_at IS NULL)`,
        params: { roaming: id },
      }
      const results = await database.batch([
        // Held first: of two at once the second sees that it is no longer the first time.
        { sql: 'UPDATE sessions SET roamed_at = roamed_at WHERE id = :id', params: { id } },
        ...tell(told, first),
        recordEvent(event, first),
        {
          sql: `UPDATE sessions SET roamed_at = :now
            WHERE id = :id AND roamed_at IS NULL AND ended_at IS NULL RETURNING id`,
          params: { id, now: event.happenedAt },
        },
      ])
      return (results.at(-1)?.length ?? 0) > 0
    },

    async see({ id, at, source, agent }, grainMs) {
      await database.write(
        `UPDATE sessions SET last_seen_at = :at, seen_source = :source, seen_agent = :agent
         WHERE id = :id AND ended_at IS NULL AND last_seen_at <= :before`,
        { id, at, source, agent, before: at - grainMs },
      )
    },
  }
}
