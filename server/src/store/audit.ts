import type { Database, Statement } from './database.ts'
import type { NewEvent } from './events.ts'
import { always, BITE, type Guard, inBites, insert } from './sql.ts'

/** One decision about who may come in. Nothing secret is in it. */
export interface AuditEvent {
  readonly id: string
  readonly happenedAt: number
  readonly event: string
  readonly outcome: 'allowed' | 'refused'
  readonly reason: string | null
  readonly userId: string | null
  /** The session, key or device it is about. */
  readonly subjectId: string | null
  readonly source: string | null
  readonly agent: string | null
  /** The salt and digest of source and agent: the digest is what is sealed, so that they can be erased. */
  readonly salt: string
  readonly digest: string
  /** Who did it to somebody: `shell`, or the id of an admin. Absent when people act for themselves. */
  readonly actor?: string | null
  /** As what programs of the operator's hear of it. */
  readonly tells?: readonly NewEvent[]
}

export interface AuditRow {
  readonly id: string
  readonly happened_at: number
  readonly event: string
  readonly outcome: string
  readonly reason: string | null
  readonly user_id: string | null
  readonly subject_id: string | null
  readonly source: string | null
  readonly agent: string | null
  readonly position: number | null
  readonly seal: string | null
  readonly actor: string | null
  readonly salt: string | null
  readonly digest: string | null
  /** Which seal it is; null is the first kind. */
  readonly sealed_as: number | null
}

export interface AuditQuery {
  readonly userId: string | null
  readonly since: number
  readonly most: number
}

export interface AuditPage extends AuditQuery {
  /** Of events at that very moment only those behind this id. */
  readonly afterId: string
}

export interface SealedLink {
  readonly id: string
  readonly position: number
  readonly seal: string
  readonly sealedAs: number | null
}

export interface AuditSearch {
  readonly userId: string | null
  /** A whole name, or what stands before its dot. */
  readonly event: string | null
  readonly outcome: string | null
  readonly before: number | null
  /** The event behind which the page begins. */
  readonly after: string | null
  readonly most: number
}

/** A session, and the moment at which something may have ended it together with others. */
export interface SessionAudit {
  readonly sessionId: string
  readonly userId: string
  readonly endedAt: number | null
  readonly most: number
}

export interface AuditStore {
  record(event: AuditEvent): Promise<void>
  /** Newest last: those after the one named, or the last ones. */
  listRecent(query: AuditQuery): Promise<AuditRow[]>
  /** Oldest first, those of this moment and later, page by page. */
  listSince(page: AuditPage): Promise<AuditRow[]>
  /** Newest first. */
  search(query: AuditSearch): Promise<AuditRow[]>
  /** The last events about a session, and its person's at the moment it ended; newest first. */
  listAboutSession(query: SessionAudit): Promise<AuditRow[]>
  countSince(event: string, since: number, reason?: string): Promise<number>
  findLastSealed(): Promise<AuditRow | null>
  listUnsealed(most: number): Promise<AuditRow[]>
  listSealed(afterPosition: number, most: number): Promise<AuditRow[]>
  /**
   * Fixes rows to their places in the chain: the ids of those that this call fixed. None when another process has
   * filled a place otherwise.
   */
  seal(links: readonly SealedLink[]): Promise<readonly string[]>
  /** Whether the trail tells that this person was deleted. */
  isDeleted(userId: string): Promise<boolean>
}

/** The statement that records an event inside the transaction of what it tells, and what is told of it outside. */
export function recordEvent(event: AuditEvent, guard: Guard = always): Statement {
  const row = {
    id: event.id,
    happened_at: event.happenedAt,
    event: event.event,
    outcome: event.outcome,
    reason: event.reason,
    user_id: event.userId,
    subject_id: event.subjectId,
    source: event.source,
    agent: event.agent,
    actor: event.actor ?? null,
    salt: event.salt,
    digest: event.digest,
  }
  const told = event.tells?.map((each) => insert('events', { ...each }, guard)) ?? []
  return { ...insert('audit_events', row, guard), also: told }
}

const columns = `id, happened_at, event, outcome, reason, user_id, subject_id, source, agent,
  position, seal, actor, salt, digest, sealed_as`

export function createAuditStore(database: Database): AuditStore {
  return {
    async record(event) {
      await database.batch([recordEvent(event)])
    },

    async listRecent({ userId, since, most }) {
      const rows = await database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events
         WHERE happened_at >= :since AND (CAST(:user AS TEXT) IS NULL OR user_id = :user)
         ORDER BY happened_at DESC, id DESC LIMIT :most`,
        { user: userId, since, most },
      )
      return rows.reverse()
    },

    listSince: ({ userId, since, afterId, most }) =>
      database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events
         WHERE (happened_at > :since OR (happened_at = :since AND id > :after))
           AND (CAST(:user AS TEXT) IS NULL OR user_id = :user)
         ORDER BY happened_at, id LIMIT :most`,
        { user: userId, since, after: afterId, most },
      ),

    search: ({ userId, event, outcome, before, after, most }) =>
      database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events
         WHERE (CAST(:user AS TEXT) IS NULL OR user_id = :user)
           AND (CAST(:event AS TEXT) IS NULL OR event = :event OR event LIKE :family)
           AND (CAST(:outcome AS TEXT) IS NULL OR outcome = :outcome)
           AND (CAST(:before AS BIGINT) IS NULL OR happened_at < :before)
           AND (CAST(:after AS TEXT) IS NULL OR (happened_at, id) <
             (SELECT happened_at, id FROM audit_events WHERE id = :after))
         ORDER BY happened_at DESC, id DESC LIMIT :most`,
        { user: userId, event, family: `${event}.%`, outcome, before, after, most },
      ),

    listAboutSession: ({ sessionId, userId, endedAt, most }) =>
      database.read<AuditRow>(
        `SELECT ${columns} FROM (SELECT ${columns} FROM audit_events WHERE subject_id = :session
           ORDER BY happened_at DESC, id DESC LIMIT :most) AS own
         UNION SELECT ${columns} FROM (SELECT ${columns} FROM audit_events
           WHERE user_id = :user AND happened_at = :ended ORDER BY id DESC LIMIT :most) AS ending
         ORDER BY happened_at DESC, id DESC`,
        { session: sessionId, user: userId, ended: endedAt ?? -1, most },
      ),

    async countSince(event, since, reason) {
      const [row] = await database.read<{ count: number }>(
        `SELECT count(*) AS count FROM audit_events
          WHERE event = :event AND happened_at > :since ${reason ? 'AND reason = :reason' : ''}`,
        { event, since, ...(reason ? { reason } : {}) },
      )
      return row?.count ?? 0
    },

    async findLastSealed() {
      const [row] = await database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`,
      )
      return row ?? null
    },

    listUnsealed: (most) =>
      database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events WHERE position IS NULL ORDER BY happened_at, id LIMIT :most`,
        { most },
      ),

    listSealed: (after, most) =>
      database.read<AuditRow>(
        `SELECT ${columns} FROM audit_events WHERE position > :after ORDER BY position LIMIT :most`,
        { after, most },
      ),

    async isDeleted(userId) {
      const rows = await database.read(
        "SELECT id FROM audit_events WHERE user_id = :user AND event = 'user.deleted' LIMIT 1",
        { user: userId },
      )
      return rows.length > 0
    },

    async seal(links) {
      try {
        const fixed = await database.batch(
          links.map(({ id, position, seal, sealedAs }) => ({
            sql: `UPDATE audit_events SET position = :position, seal = :seal, sealed_as = :kind
              WHERE id = :id AND position IS NULL RETURNING id`,
            params: { id, position, seal, kind: sealedAs },
          })),
        )
        return fixed.flatMap((rows) => rows.map(({ id }) => String(id)))
      } catch {
        return []
      }
    },
  }
}

/**
 * Takes place and program out of what a person did, or others tried on their account; what an admin did stays the
 * admin's. The salt goes too: then nobody can find the words for a digest again.
 */
export async function erasePlaces(database: Database, userId: string): Promise<void> {
  const theirs = [
    'user_id = :gone AND actor IS NULL',
    'subject_id = :gone AND actor IS NULL',
    'actor = :gone',
  ]
  for (const events of theirs) {
    await inBites(database, {
      sql: `UPDATE audit_events SET source = NULL, agent = NULL, salt = NULL WHERE id IN (
        SELECT id FROM audit_events WHERE ${events} AND (salt IS NOT NULL OR source IS NOT NULL)
        LIMIT ${BITE}) RETURNING id`,
      params: { gone: userId },
    })
  }
}
