import { LIVE_API_KEYS } from '../limits.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'
import { type Guard, insert } from './sql.ts'

/** The most a key may spend; money in millionths of a unit. */
export interface ApiKeyLimits {
  readonly tokens_per_day: number | null
  readonly tokens_per_month: number | null
  readonly money_per_day: number | null
  readonly money_per_month: number | null
}

export interface ApiKeyRow extends ApiKeyLimits {
  readonly id: string
  readonly user_id: string
  readonly name: string
  readonly hash: string
  readonly prefix: string
  readonly last4: string
  /** Separated by spaces. */
  readonly scopes: string
  /** Exact names, or beginnings with a star behind, separated by spaces; null means every model. */
  readonly models: string | null
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
  readonly paused_at: number | null
  readonly disabled_at: number | null
}

export type NewApiKey = Omit<ApiKeyRow, 'revoked_at' | 'last_used_at' | 'paused_at' | 'disabled_at'>

export interface ApiKeyStore {
  /** False when the person has as many live keys as one may have. */
  create(key: NewApiKey, event: AuditEvent): Promise<boolean>
  findByHash(hashes: readonly string[]): Promise<ApiKeyRow | null>
  find(id: string, userId: string): Promise<ApiKeyRow | null>
  /** Newest first, those after the one named. */
  list(userId: string, after: string | null, most: number): Promise<ApiKeyRow[]>
  /** True for the one that revoked it. */
  revoke(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that paused it, in the operator's name. */
  pause(id: string, userId: string, event: AuditEvent): Promise<boolean>
  /** True for the one that resumed it. */
  resume(id: string, userId: string, event: AuditEvent): Promise<boolean>
  touch(id: string, now: number): Promise<void>
}

const select = `SELECT k.id, k.user_id, k.name, k.hash, k.prefix, k.last4, k.scopes, k.created_at,
    k.expires_at, k.models, k.tokens_per_day, k.tokens_per_month, k.money_per_day, k.money_per_month,
    k.revoked_at, k.last_used_at, k.paused_at, u.disabled_at
  FROM api_keys k JOIN users u ON u.id = k.user_id`

export function createApiKeyStore(database: Database): ApiKeyStore {
  return {
    async create(key, event) {
      const [created] = await database
        .batch([
          {
            // The user's row is locked by the update in it, so that two at once cannot both be the last.
            sql: 'UPDATE users SET updated_at = :now WHERE id = :user RETURNING id',
            params: { now: key.created_at, user: key.user_id },
          },
          insert('api_keys', { ...key }, hasRoom(key), 'RETURNING id'),
          recordEvent(event, {
            sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :made)',
            params: { made: key.id },
          }),
        ])
        .then((results) => results.slice(1))
      return (created?.length ?? 0) > 0
    },

    async findByHash(hashes) {
      const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
      const params = Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash]))
      const [row] = await database.read<ApiKeyRow>(`${select} WHERE k.hash IN (${names})`, params)
      return row ?? null
    },

    async find(id, userId) {
      const sql = `${select} WHERE k.id = :id AND k.user_id = :user`
      const [row] = await database.read<ApiKeyRow>(sql, { id, user: userId })
      return row ?? null
    },

    list: (userId, after, most) =>
      database.read<ApiKeyRow>(
        `${select} WHERE k.user_id = :user
           AND (CAST(:after AS TEXT) IS NULL
             OR (k.created_at < (SELECT created_at FROM api_keys WHERE id = :after AND user_id = :user)
             OR (k.created_at = (SELECT created_at FROM api_keys WHERE id = :after AND user_id = :user)
               AND k.id > :after)))
         ORDER BY k.created_at DESC, k.id LIMIT :most`,
        { user: userId, after, most },
      ),

    async revoke(id, userId, event) {
      const [revoked] = await database.batch([
        {
          sql: `UPDATE api_keys SET revoked_at = :now
            WHERE id = :id AND user_id = :user AND revoked_at IS NULL RETURNING id`,
          params: { id, user: userId, now: event.happenedAt },
        },
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :gone AND user_id = :owner AND revoked_at = :at)',
          params: { gone: id, owner: userId, at: event.happenedAt },
        }),
      ])
      return (revoked?.length ?? 0) > 0
    },

    async pause(id, userId, event) {
      const [paused] = await database.batch([
        {
          sql: `UPDATE api_keys SET paused_at = :now, paused_by = 'operator'
            WHERE id = :id AND user_id = :user AND (paused_at IS NULL OR paused_by = 'panic')
              AND revoked_at IS NULL RETURNING id`,
          params: { id, user: userId, now: event.happenedAt },
        },
        recordEvent(event, {
          sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :held AND user_id = :owner AND paused_at = :at)',
          params: { held: id, owner: userId, at: event.happenedAt },
        }),
      ])
      return (paused?.length ?? 0) > 0
    },

    async resume(id, userId, event) {
      const [, resumed] = await database.batch([
        // The trail is written first: afterwards nothing tells that it was paused.
        recordEvent(event, {
          sql: `EXISTS (SELECT 1 FROM api_keys WHERE id = :held AND user_id = :owner
            AND paused_at IS NOT NULL AND revoked_at IS NULL)`,
          params: { held: id, owner: userId },
        }),
        {
          sql: `UPDATE api_keys SET paused_at = NULL, paused_by = NULL
            WHERE id = :id AND user_id = :user AND paused_at IS NOT NULL AND revoked_at IS NULL RETURNING id`,
          params: { id, user: userId },
        },
      ])
      return (resumed?.length ?? 0) > 0
    },

    async touch(id, now) {
      await database.write('UPDATE api_keys SET last_used_at = :now WHERE id = :id', { id, now })
    },
  }
}

function hasRoom(key: NewApiKey): Guard {
  return {
    sql: `(SELECT count(*) FROM api_keys WHERE user_id = :owner AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > :made_at)) < ${LIVE_API_KEYS}`,
    params: { owner: key.user_id, made_at: key.created_at },
  }
}
