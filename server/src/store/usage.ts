import type { Database } from './database.ts'
import type { UsageRow } from './ledger.ts'

export type Grouping = 'key' | 'model' | 'day'

export interface UsageSum {
  readonly name: string | null
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money: number
}

export interface UsageStore {
  /** What a person's calls came to, from one moment until before another. */
  listSums(userId: string, by: Grouping, from: number, to: number): Promise<UsageSum[]>
  find(requestId: string, userId: string): Promise<UsageRow | null>
}

const names: Readonly<Record<Grouping, string>> = {
  key: 'key_id',
  model: 'model',
  day: 'CAST(happened_at / 86400000 AS TEXT)',
}

export function createUsageStore(database: Database): UsageStore {
  return {
    listSums: (userId, by, from, to) =>
      database.read<UsageSum>(
        `SELECT ${names[by]} AS name, count(*) AS calls, CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
           CAST(sum(output_tokens) AS BIGINT) AS output_tokens, CAST(sum(money) AS BIGINT) AS money
         FROM usage_entries WHERE user_id = :user AND happened_at >= :from AND happened_at < :to
           AND outcome <> 'refused'
         GROUP BY ${names[by]} ORDER BY ${names[by]}`,
        { user: userId, from, to },
      ),

    async find(requestId, userId) {
      const [row] = await database.read<UsageRow>(
        `SELECT id, request_id, user_id, key_id, model, happened_at, input_tokens, output_tokens, money,
           outcome, reason FROM usage_entries WHERE request_id = :request AND user_id = :user`,
        { request: requestId, user: userId },
      )
      return row ?? null
    },
  }
}
