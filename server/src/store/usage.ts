import type { Database } from './database.ts'
import type { UsageRow } from './ledger.ts'

export type Grouping = 'key' | 'model' | 'day'

/** Whose calls: a person's, or those of one key of theirs and of the keys that it made. */
export interface Caller {
  readonly userId: string
  readonly keyId: string | null
}

export interface UsageSum {
  /** A key's id, a model, or the days since 1970; null for calls of a session. */
  readonly name: string | null
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money: number
}

export interface UsageStore {
  /** What calls came to, from one moment until before another; those that came to nothing are no calls. */
  listSums(caller: Caller, by: Grouping, from: number, to: number): Promise<UsageSum[]>
  /** Newest first, those after the one named. */
  list(caller: Caller, after: string | null, most: number): Promise<UsageRow[]>
  /** The newest of this name, since callers may name their requests. */
  find(requestId: string, caller: Caller): Promise<UsageRow | null>
}

const names: Readonly<Record<Grouping, string>> = {
  key: 'key_id',
  model: 'model',
  day: 'CAST(happened_at / 86400000 AS TEXT)',
}

const columns = `id, request_id, user_id, key_id, model, happened_at, input_tokens, output_tokens, money,
  outcome, reason, looked`
/** Calls of a caller, in any table that names a call's person and key. */
export const ofCaller = `user_id = :user AND (CAST(:key AS TEXT) IS NULL OR key_id = :key
  OR key_id IN (SELECT id FROM api_keys WHERE parent_id = :key))`

export function createUsageStore(database: Database): UsageStore {
  return {
    listSums: ({ userId, keyId }, by, from, to) =>
      database.read<UsageSum>(
        `SELECT ${names[by]} AS name, count(*) AS calls, CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
           CAST(sum(output_tokens) AS BIGINT) AS output_tokens, CAST(sum(money) AS BIGINT) AS money
         FROM usage_entries WHERE ${ofCaller} AND happened_at >= :from AND happened_at < :to
           AND outcome NOT IN ('refused', 'failed')
         GROUP BY ${names[by]} ORDER BY ${names[by]}`,
        { user: userId, key: keyId, from, to },
      ),

    list: ({ userId, keyId }, after, most) =>
      database.read<UsageRow>(
        `SELECT ${columns} FROM usage_entries WHERE ${ofCaller}
           AND (CAST(:after AS TEXT) IS NULL
             OR happened_at < (SELECT happened_at FROM usage_entries WHERE id = :after AND user_id = :user)
             OR (happened_at = (SELECT happened_at FROM usage_entries WHERE id = :after AND user_id = :user)
               AND id > :after))
         ORDER BY happened_at DESC, id LIMIT :most`,
        { user: userId, key: keyId, after, most },
      ),

    async find(requestId, { userId, keyId }) {
      const [row] = await database.read<UsageRow>(
        `SELECT ${columns} FROM usage_entries WHERE request_id = :request AND ${ofCaller}
         ORDER BY happened_at DESC, id LIMIT 1`,
        { request: requestId, user: userId, key: keyId },
      )
      return row ?? null
    },
  }
}
