import type { Database, Statement } from './database.ts'
import type { Guard } from './sql.ts'

/**
 * What opens nothing any more, as things stand: a session, which only the undoing of a panic brings back, and a key while it
 * is ended, paused or its owner disabled. A key stands here too since its secret was replaced.
 */
export interface RevocationRow {
  readonly id: string
  readonly kind: 'session' | 'key'
  readonly ended_at: number
}

export interface RevocationQuery {
  /** Those that ended at this moment or later, and of the same moment those with a greater id. */
  readonly since: number
  readonly afterId: string
  readonly most: number
}

export interface RevocationStore {
  /** Oldest first. */
  list(query: RevocationQuery): Promise<RevocationRow[]>
}

const after = (column: string, id: string) =>
  `${column} >= :since AND (${column} > :since OR ${id} > :after_id)`

/** What ends or holds a key does it to those it made. */
const childrenOf = (
  column: string,
) => `SELECT c.id, 'key' AS kind, p.${column} AS ended_at FROM api_keys p JOIN api_keys c ON c.parent_id = p.id
    WHERE ${after(`p.${column}`, 'c.id')}`

/** Keys whose owner is disabled, or the key that made them is over, and those of their own; a key may stand in several. */
const sources = [
  `SELECT id, 'session' AS kind, ended_at FROM sessions WHERE ${after('ended_at', 'id')}`,
  `SELECT id, 'key' AS kind, revoked_at AS ended_at FROM api_keys WHERE ${after('revoked_at', 'id')}`,
  `SELECT id, 'key' AS kind, paused_at AS ended_at FROM api_keys WHERE ${after('paused_at', 'id')}`,
  `SELECT id, 'key' AS kind, replaced_at AS ended_at FROM api_keys WHERE ${after('replaced_at', 'id')}`,
  childrenOf('revoked_at'),
  childrenOf('paused_at'),
  `SELECT k.id, 'key' AS kind, u.disabled_at AS ended_at FROM users u JOIN api_keys k ON k.user_id = u.id
    WHERE ${after('u.disabled_at', 'k.id')}`,
  `SELECT id, kind, ended_at FROM revocations WHERE ${after('ended_at', 'id')}`,
]

export function createRevocationStore(database: Database): RevocationStore {
  return {
    list: ({ since, afterId, most }) =>
      database.read<RevocationRow>(
        `SELECT id, kind, ended_at FROM (${sources.join(' UNION ')}) AS ended
         ORDER BY ended_at, id LIMIT :most`,
        { since, after_id: afterId, most },
      ),
  }
}

/** What goes with its owner is noted before: who verifies offline has to hear of it. */
export function noteRevocations(userId: string, now: number, guard: Guard): Statement[] {
  const params = { owner: userId, gone_at: now, ...guard.params }
  const kinds = [
    ['session', 'sessions', 'COALESCE(ended_at, CAST(:gone_at AS BIGINT))'],
    ['key', 'api_keys', 'COALESCE(revoked_at, CAST(:gone_at AS BIGINT))'],
  ] as const
  return kinds.map(([kind, table, end]) => ({
    sql: `INSERT INTO revocations (id, kind, ended_at) SELECT id, '${kind}', ${end} FROM ${table}
      WHERE user_id = :owner AND ${guard.sql}`,
    params,
  }))
}
