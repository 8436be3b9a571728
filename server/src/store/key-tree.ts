import { CHILDREN_OF_A_KEY, LIVE_API_KEYS } from '../limits.ts'
import type { ApiKeyLimits, ApiKeyRow, NewApiKey } from './api-keys.ts'
import type { Database } from './database.ts'
import { all, type Guard } from './sql.ts'

/** What the key that made this one may do now: its child does no more. All null of a key that a person made. */
export interface ParentTerms {
  readonly parent_models: string | null
  readonly parent_networks: string | null
  readonly parent_requests_per_minute: number | null
  readonly parent_requests_per_day: number | null
  readonly parent_tokens_per_day: number | null
  readonly parent_tokens_per_month: number | null
  readonly parent_money_per_day: number | null
  readonly parent_money_per_month: number | null
}

const orItsParents = (column: string) => `COALESCE(k.${column}, p.${column}) AS ${column}`

/** A key as it stands with its parent: it ends, pauses and expires with that, in the one statement that reads it. */
const select = `SELECT k.id, k.user_id, k.name, k.hash, k.prefix, k.last4, k.scopes, k.created_at,
    CASE WHEN p.expires_at < k.expires_at OR k.expires_at IS NULL AND p.expires_at IS NOT NULL THEN p.expires_at ELSE k.expires_at END AS expires_at,
    k.reminded_days, k.models, k.networks, k.requests_per_minute, k.requests_per_day,
    k.tokens_per_day, k.tokens_per_month, k.money_per_day, k.money_per_month,
    ${orItsParents('revoked_at')}, ${orItsParents('paused_at')},
    CASE WHEN k.paused_at IS NULL AND p.paused_at IS NOT NULL THEN 'parent' ELSE k.paused_by END AS paused_by,
    k.last_used_at, k.last_used_source, k.last_used_agent, k.refused_calls, k.last_refused_at,
    k.last_refused_source, k.replaced_at, k.former_hash, k.former_prefix,
    k.former_last4, k.former_ends_at, k.former_silence_ms, k.former_heard_at, k.parent_id, k.canary_at, k.canary_pauses_label,
    p.models AS parent_models, p.networks AS parent_networks,
    p.requests_per_minute AS parent_requests_per_minute, p.requests_per_day AS parent_requests_per_day,
    p.tokens_per_day AS parent_tokens_per_day, p.tokens_per_month AS parent_tokens_per_month,
    p.money_per_day AS parent_money_per_day, p.money_per_month AS parent_money_per_month, u.disabled_at
  FROM api_keys k JOIN users u ON u.id = k.user_id LEFT JOIN api_keys p ON p.id = k.parent_id
  WHERE (k.parent_id IS NULL OR p.id IS NOT NULL)`

export type CappedKeyRow = Pick<ApiKeyRow, 'id'> & ApiKeyLimits

export interface KeyReads {
  /** The key whose secret this is, or was before. */
  findByHash(hashes: readonly string[]): Promise<ApiKeyRow | null>
  find(id: string, userId: string): Promise<ApiKeyRow | null>
  /** Newest first, those after the one named. */
  list(userId: string, after: string | null, most: number): Promise<ApiKeyRow[]>
  /** Live keys that may not spend all they want: a person's own first, then those that keys made, newest first. */
  listCapped(userId: string, now: number, most: number): Promise<CappedKeyRow[]>
}

export function createKeyReads(database: Database): KeyReads {
  return {
    async findByHash(hashes) {
      const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
      const params = Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash]))
      const sql = `${select} AND (k.hash IN (${names}) OR k.former_hash IN (${names}))`
      const [row] = await database.aside.read<ApiKeyRow>(sql, params)
      return row ?? null
    },

    async find(id, userId) {
      const sql = `${select} AND k.id = :id AND k.user_id = :user`
      const [row] = await database.read<ApiKeyRow>(sql, { id, user: userId })
      return row ?? null
    },

    list: (userId, after, most) =>
      database.read<ApiKeyRow>(
        `${select} AND k.user_id = :user
           AND (CAST(:after AS TEXT) IS NULL
             OR (k.created_at < (SELECT created_at FROM api_keys WHERE id = :after AND user_id = :user)
             OR (k.created_at = (SELECT created_at FROM api_keys WHERE id = :after AND user_id = :user)
               AND k.id > :after)))
         ORDER BY k.created_at DESC, k.id LIMIT :most`,
        { user: userId, after, most },
      ),

    listCapped: (userId, now, most) =>
      database.read<CappedKeyRow>(
        `SELECT id, tokens_per_day, tokens_per_month, money_per_day, money_per_month
         FROM (${select} AND k.user_id = :user) AS theirs
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
           AND (tokens_per_day IS NOT NULL OR tokens_per_month IS NOT NULL
             OR money_per_day IS NOT NULL OR money_per_month IS NOT NULL)
         ORDER BY CASE WHEN parent_id IS NULL THEN 0 ELSE 1 END, created_at DESC, id LIMIT :most`,
        { user: userId, now, most },
      ),
  }
}

/**
 * There is room for one more: among a person's keys, or among the children of a live key that is nobody's child, and that the
 * secret it is made by still opens.
 */
export function hasRoom(key: NewApiKey, by: string | null): Guard {
  const live = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :made_at)'
  const params = { owner: key.user_id, made_at: key.created_at }
  const mine = `user_id = :owner AND ${live}`
  if (key.parent_id === null) {
    const sql = `(SELECT count(*) FROM api_keys WHERE ${mine} AND parent_id IS NULL) < ${LIVE_API_KEYS}`
    return { sql, params }
  }
  const opens = '(hash = :by OR (former_hash = :by AND former_ends_at > :made_at))'
  const parent = `id = :parent AND parent_id IS NULL AND paused_at IS NULL AND ${opens} AND ${mine}`
  return all(
    { sql: `EXISTS (SELECT 1 FROM api_keys WHERE ${parent})`, params: { ...params, by } },
    {
      sql: `(SELECT count(*) FROM api_keys WHERE parent_id = :parent AND ${mine}) < ${CHILDREN_OF_A_KEY}`,
      params: { parent: key.parent_id },
    },
  )
}
