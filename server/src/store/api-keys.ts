import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement, Value } from './database.ts'
import { createKeyEnds, type KeyEnds } from './key-ends.ts'
import { createKeyPauses, type KeyPauses } from './key-pauses.ts'
import { createKeyRotations, type KeyRotations } from './key-rotation.ts'
import { createKeyReads, hasRoom, type KeyReads, type ParentTerms } from './key-tree.ts'
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
  /** The key that made it; null of a person's. */
  readonly parent_id: string | null
  /** Set of a key that never works, and tells its owner who tries it. */
  readonly canary_at: number | null
  /** The name of the label whose keys it pauses when it is tried, those with the canary's own value. */
  readonly canary_pauses_label: string | null
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

export interface ApiKeyRow extends NewApiKey, FormerSecret, ParentTerms {
  readonly revoked_at: number | null
  readonly last_used_at: number | null
  readonly last_used_source: string | null
  readonly last_used_agent: string | null
  readonly refused_calls: number
  readonly last_refused_at: number | null
  readonly last_refused_source: string | null
  readonly paused_at: number | null
  /** Null when its owner paused it; `parent` when only its parent is paused. */
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

export interface ApiKeyStore extends KeyReads, KeyEnds, KeyPauses, KeyRotations {
  /**
   * False when the person has as many live keys as one may have, or the parent as many children; false too when the secret by
   * which the parent makes it, named by its hash, opens nothing any more.
   */
  create(key: NewApiKey, by: string | null, labels: Labels, event: AuditEvent): Promise<boolean>
  listLabels(ids: readonly string[]): Promise<LabelRow[]>
  /** False when there is no such key, or it has ended. Null leaves the labels as they are. */
  change(
    key: { readonly id: string; readonly userId: string },
    terms: Partial<KeyTerms>,
    labels: Labels | null,
    event: AuditEvent,
  ): Promise<boolean>
}

export function createApiKeyStore(database: Database): ApiKeyStore {
  return {
    ...createKeyReads(database),

    async create(key, by, labels, event) {
      const made: Guard = {
        sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :made)',
        params: { made: key.id },
      }
      const [, , created] = await database.batch([
        {
          // The user's row is locked by the update in it, so that two at once cannot both be the last.
          sql: 'UPDATE users SET updated_at = :now WHERE id = :user RETURNING id',
          params: { now: key.created_at, user: key.user_id },
        },
        {
          // So is the parent's, so that a new secret of it finds this child, or this child that.
          sql: 'UPDATE api_keys SET user_id = user_id WHERE id = :parent',
          params: { parent: key.parent_id ?? '' },
        },
        insert('api_keys', { ...key }, hasRoom(key, by), 'RETURNING id'),
        ...label(key.id, labels, made),
        recordEvent(event, made),
      ])
      return (created?.length ?? 0) > 0
    },

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
