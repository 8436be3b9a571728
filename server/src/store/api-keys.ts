import { LIVE_API_KEYS } from '../limits.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement, Value } from './database.ts'
import { createKeyEnds, type KeyEnds } from './key-ends.ts'
import { createKeyPauses, type KeyPauses } from './key-pauses.ts'
import { createKeyRotations, type KeyRotations } from './key-rotation.ts'
import { type Guard, insert } from './sql.ts'

/** The most a key may spend; money in millionths of a unit. */
export interface ApiKeyLimits {
  readonly tokens_per_day: number | null
  readonly tokens_per_month: number | null
  readonly money_per_day: number | null
  readonly money_per_month: number | null
}

/** How often a key may ask, where that is not as its row of `limits.ts` says. */
export interface RequestLimits {
  readonly requests_per_minute: number | null
  readonly requests_per_day: number | null
}

/** What its owner may change about a key. */
export interface KeyTerms extends ApiKeyLimits, RequestLimits {
  readonly name: string
  /** Exact names, or beginnings with a star behind, separated by spaces; null means every model. */
  readonly models: string | null
  /** CIDRs, separated by spaces; null means from anywhere. */
  readonly networks: string | null
  readonly expires_at: number | null
  /** The reminder of its end that was sent last, by its days before the end. */
  readonly reminded_days: number | null
}

export interface NewApiKey extends KeyTerms {
  readonly id: string
  readonly user_id: string
  readonly hash: string
  readonly prefix: string
  readonly last4: string
  /** Separated by spaces. */
  readonly scopes: string
  readonly created_at: number
}

/** The secret that a key had before, which opens for a while yet; all null before the first rotation. */
export interface FormerSecret {
  readonly replaced_at: number | null
  readonly former_hash: string | null
  readonly former_prefix: string | null
  readonly former_last4: string | null
  readonly former_ends_at: number | null
  /** It ends sooner when it was not heard for so long. */
  readonly former_silence_ms: number | null
  readonly former_heard_at: number | null
}

export interface ApiKeyRow extends NewApiKey, FormerSecret {
  readonly revoked_at: number | null
  readonly last_used_at: number | null
  readonly last_used_source: string | null
  readonly last_used_agent: string | null
  readonly refused_calls: number
  readonly last_refused_at: number | null
  readonly last_refused_source: string | null
  readonly paused_at: number | null
  /** Null when its owner paused it. */
  readonly paused_by: string | null
  readonly disabled_at: number | null
}

/** Names and what stands under them. */
export type Labels = Readonly<Record<string, string>>

export interface LabelRow {
  readonly key_id: string
  readonly name: string
  readonly value: string
}

export interface ApiKeyStore extends KeyEnds, KeyPauses, KeyRotations {
  /** False when the person has as many live keys as one may have. */
  create(key: NewApiKey, labels: Labels, event: AuditEvent): Promise<boolean>
  /** The key whose secret this is, or was before. */
  findByHash(hashes: readonly string[]): Promise<ApiKeyRow | null>
  find(id: string, userId: string): Promise<ApiKeyRow | null>
  /** Newest first, those after the one named. */
  list(userId: string, after: string | null, most: number): Promise<ApiKeyRow[]>
  listLabels(ids: readonly string[]): Promise<LabelRow[]>
  /** False when there is no such key, or it has ended. Null leaves the labels as they are. */
  change(
    key: { readonly id: string; readonly userId: string },
    terms: Partial<KeyTerms>,
    labels: Labels | null,
    event: AuditEvent,
  ): Promise<boolean>
}

const select = `SELECT k.id, k.user_id, k.name, k.hash, k.prefix, k.last4, k.scopes, k.created_at,
    k.expires_at, k.reminded_days, k.models, k.networks, k.requests_per_minute, k.requests_per_day,
    k.tokens_per_day, k.tokens_per_month, k.money_per_day, k.money_per_month, k.revoked_at,
    k.last_used_at, k.last_used_source, k.last_used_agent, k.refused_calls, k.last_refused_at,
    k.last_refused_source, k.paused_at, k.paused_by, k.replaced_at, k.former_hash, k.former_prefix,
    k.former_last4, k.former_ends_at, k.former_silence_ms, k.former_heard_at, u.disabled_at
  FROM api_keys k JOIN users u ON u.id = k.user_id`

export function createApiKeyStore(database: Database): ApiKeyStore {
  return {
    async create(key, labels, event) {
      const made: Guard = {
        sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :made)',
        params: { made: key.id },
      }
      const [, created] = await database.batch([
        {
          // The user's row is locked by the update in it, so that two at once cannot both be the last.
          sql: 'UPDATE users SET updated_at = :now WHERE id = :user RETURNING id',
          params: { now: key.created_at, user: key.user_id },
        },
        insert('api_keys', { ...key }, hasRoom(key), 'RETURNING id'),
        ...label(key.id, labels, made),
        recordEvent(event, made),
      ])
      return (created?.length ?? 0) > 0
    },

    async findByHash(hashes) {
      const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
      const params = Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash]))
      const sql = `${select} WHERE k.hash IN (${names}) OR k.former_hash IN (${names})`
      const [row] = await database.read<ApiKeyRow>(sql, params)
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

    async listLabels(ids) {
      if (ids.length === 0) return []
      const names = ids.map((_, index) => `:id_${index}`).join(', ')
      const params = Object.fromEntries(ids.map((id, index) => [`id_${index}`, id]))
      return database.read<LabelRow>(
        `SELECT key_id, name, value FROM api_key_labels WHERE key_id IN (${names}) ORDER BY name`,
        params,
      )
    },

    async change({ id, userId }, terms, labels, event) {
      const live: Guard = {
        sql: `EXISTS (SELECT 1 FROM api_keys WHERE id = :changed AND user_id = :owner
          AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :at))`,
        params: { changed: id, owner: userId, at: event.happenedAt },
      }
      const [changed] = await database.batch([
        replaceTerms(id, userId, terms, event.happenedAt),
        ...(labels ? [unlabel(id, live), ...label(id, labels, live)] : []),
        recordEvent(event, live),
      ])
      return (changed?.length ?? 0) > 0
    },

    ...createKeyEnds(database),
    ...createKeyPauses(database),
    ...createKeyRotations(database),
  }
}

function replaceTerms(
  id: string,
  userId: string,
  terms: Partial<KeyTerms>,
  now: number,
): Statement {
  const columns = Object.entries<Value>(terms)
  const sets = columns.map(([column]) => `${column} = :new_${column}`)
  return {
    // Also a change of labels alone holds the row.
    sql: `UPDATE api_keys SET ${[...sets, 'user_id = user_id'].join(', ')}
      WHERE id = :id AND user_id = :user AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > :now) RETURNING id`,
    params: {
      id,
      user: userId,
      now,
      ...Object.fromEntries(columns.map(([column, value]) => [`new_${column}`, value])),
    },
  }
}

function label(id: string, labels: Labels, guard: Guard): Statement[] {
  return Object.entries(labels).map(([name, value]) =>
    insert('api_key_labels', { key_id: id, name, value }, guard),
  )
}

function unlabel(id: string, guard: Guard): Statement {
  return {
    sql: `DELETE FROM api_key_labels WHERE key_id = :id AND ${guard.sql}`,
    params: { id, ...guard.params },
  }
}

function hasRoom(key: NewApiKey): Guard {
  return {
    sql: `(SELECT count(*) FROM api_keys WHERE user_id = :owner AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > :made_at)) < ${LIVE_API_KEYS}`,
    params: { owner: key.user_id, made_at: key.created_at },
  }
}
