import type { Database, Statement } from './database.ts'
import { tellEndpoints } from './deliveries.ts'
import { always, BITE, type Guard, inBites, insert, isTaken } from './sql.ts'

/** Something that happened, as it is written in the transaction of what it tells. */
export interface NewEvent {
  readonly id: string
  readonly happened_at: number
  /** Of what happened in one moment the lower comes first. */
  readonly step: number
  readonly type: string
  readonly user_id: string | null
  /** The session, key or panic that it is about. */
  readonly subject_id: string | null
  /** What it tells beside the ids, as JSON; taken away when its person is deleted. */
  readonly facts: string | null
}

/** One that has its place: those before it are all to be seen. */
export interface EventRow extends Omit<NewEvent, 'step'> {
  readonly position: number
}

export interface EventQuery {
  /** The position behind which the page begins. */
  readonly after: number
  readonly type: string | null
  readonly userId: string | null
  readonly most: number
}

export interface EventStore {
  /** Writes what no transaction of its own tells; one that stands is not written again. */
  tell(events: readonly NewEvent[]): Promise<void>
  /**
   * Gives what was written its place in the order in which it is told: how many got one. Of two processes one wins, and
   * the other does nothing.
   */
  place(most: number, now: number): Promise<number>
  /** In the order of their places. */
  list(query: EventQuery): Promise<EventRow[]>
  /** The last place that was given, and the oldest that is kept. */
  findBounds(): Promise<{ readonly newest: number; readonly oldest: number }>
}

/** The last place that was given, kept apart: events go, and places never come again. */
const COUNTER = 'event_position'
const columns = 'id, position, happened_at, type, user_id, subject_id, facts'

export function createEventStore(database: Database): EventStore {
  const findNewest = async () => {
    const [row] = await database.read<{ value: string }>(
      'SELECT value FROM settings WHERE name = :name',
      { name: COUNTER },
    )
    return Number(row?.value ?? 0)
  }
  return {
    async tell(events) {
      await database.batch(events.map(tellOnce))
    },

    async place(most, now) {
      // Before the rows: who places them meanwhile moves it, and then nothing is done here.
      const last = await findNewest()
      const rows = await database.read<{ id: string }>(
        `SELECT id FROM events WHERE position IS NULL ORDER BY happened_at, step, id LIMIT :most`,
        { most },
      )
      if (rows.length === 0) return 0
      const ids = rows.map(({ id }) => id)
      try {
        const [claimed] = await database.batch(placeStatements(ids, last, now))
        return claimed?.length ? ids.length : 0
      } catch (cause) {
        if (isTaken(cause)) return 0
        throw cause
      }
    },

    list: ({ after, type, userId, most }) =>
      database.read<EventRow>(
        `SELECT ${columns} FROM events WHERE position > :after
           AND (CAST(:type AS TEXT) IS NULL OR type = :type)
           AND (CAST(:user AS TEXT) IS NULL OR user_id = :user)
         ORDER BY position LIMIT :most`,
        { after, type, user: userId, most },
      ),

    async findBounds() {
      const newest = await findNewest()
      const [row] = await database.read<{ oldest: number | null }>(
        'SELECT min(position) AS oldest FROM events',
      )
      return { newest, oldest: row?.oldest ?? newest + 1 }
    },
  }
}

/**
 * Whoever moves the counter holds its row until the places are to be seen: so they are seen in their order, and without a
 * gap, whenever the events themselves were written.
 */
function placeStatements(ids: readonly string[], last: number, now: number): Statement[] {
  const name = COUNTER
  const to = String(last + ids.length)
  return [
    {
      sql: `INSERT INTO settings (name, value) VALUES (:name, :to)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value = :from RETURNING value`,
      params: { name, to, from: String(last) },
    },
    ...ids.map((id, index) => ({
      sql: `UPDATE events SET position = :position WHERE id = :id AND position IS NULL
        AND EXISTS (SELECT 1 FROM settings WHERE name = :name AND value = :to)`,
      params: { id, position: last + index + 1, name, to },
    })),
    tellEndpoints(
      'e.position > :last AND e.position <= :newest AND e.happened_at >= w.created_at',
      {
        last,
        newest: last + ids.length,
        now,
      },
    ),
  ]
}

/** What stands already is not written again. */
export function tellOnce(event: NewEvent): Statement {
  return insert('events', { ...event }, always, 'ON CONFLICT (id) DO NOTHING')
}

/** Tells of the sessions that end in this very moment, once of each, whoever else ends it. */
export function tellSessionsEnded(now: number, which: Guard): Statement {
  return {
    sql: `INSERT INTO events (id, happened_at, step, type, user_id, subject_id, facts)
      SELECT 'evt_' || substr(id, 5), ended_at, 6, 'session.ended', user_id, id, '{"reason":"' || end_reason || '"}'
      FROM sessions WHERE ended_at = :ending_now AND end_reason IS NOT NULL AND ${which.sql}
      ON CONFLICT (id) DO NOTHING`,
    params: { ending_now: now, ...which.params },
  }
}

/** The same of keys that are revoked. */
export function tellKeysRevoked(now: number, which: Guard): Statement {
  return {
    sql: `INSERT INTO events (id, happened_at, step, type, user_id, subject_id)
      SELECT 'evt_' || substr(id, 5), revoked_at, 6, 'api_key.revoked', user_id, id
      FROM api_keys WHERE revoked_at = :ending_now AND ${which.sql} ON CONFLICT (id) DO NOTHING`,
    params: { ending_now: now, ...which.params },
  }
}

/** Of somebody who is gone stays what happened to which id, and nothing that they were called. */
export async function eraseFacts(database: Database, userId: string): Promise<void> {
  await inBites(database, {
    sql: `UPDATE events SET facts = NULL WHERE id IN (SELECT id FROM events WHERE user_id = :gone
      AND facts IS NOT NULL AND type <> 'user.deleted' LIMIT ${BITE}) RETURNING id`,
    params: { gone: userId },
  })
}
