import type { Database, Statement } from './database.ts'
import { type Guard, insert } from './sql.ts'

/** The latest use of a key: when, from where, and with what program. */
export interface KeyUse {
  readonly keyId: string
  readonly at: number
  readonly source: string
  readonly agent: string
}

/** Calls of one program from one place with the secret that a key had before; the latest of them. */
export interface FormerUse extends KeyUse {
  /** Of the row, where there is none of this program and place. */
  readonly id: string
  readonly formerHash: string
  readonly calls: number
}

/** Calls that were refused since they came from outside a key's networks; the latest of them. */
export interface RefusedUse extends Omit<KeyUse, 'agent'> {
  readonly calls: number
}

/** Who still uses the secret that a key had before. */
export interface CallerRow {
  readonly former_hash: string
  readonly source: string
  readonly agent: string
  readonly calls: number
  readonly last_seen_at: number
}

export interface KeyUseStore {
  /** Writes the uses that were noted since the last time, all of them or none. */
  record(
    uses: readonly KeyUse[],
    former: readonly FormerUse[],
    refused: readonly RefusedUse[],
  ): Promise<void>
  /** The latest first. */
  listCallers(formerHashes: readonly string[]): Promise<CallerRow[]>
}

/** Of a secret that was replaced: whoever names another program each time does not fill the table. */
const MOST_CALLERS = 20

export function createKeyUseStore(database: Database): KeyUseStore {
  return {
    async record(uses, former, refused) {
      const changes = [
        ...uses.map((one) => ({ keyId: one.keyId, statements: [use(one)] })),
        ...former.map((one) => ({ keyId: one.keyId, statements: hear(one) })),
        ...refused.map((one) => ({ keyId: one.keyId, statements: [refuse(one)] })),
      ]
      // In one order for all processes, so that two never wait for each other.
      changes.sort(byKey)
      await database.batch(changes.flatMap(({ statements }) => statements))
    },

    async listCallers(formerHashes) {
      if (formerHashes.length === 0) return []
      const names = formerHashes.map((_, index) => `:hash_${index}`).join(', ')
      const params = Object.fromEntries(formerHashes.map((hash, index) => [`hash_${index}`, hash]))
      return database.read<CallerRow>(
        `SELECT former_hash, source, agent, calls, last_seen_at FROM former_secret_callers
         WHERE former_hash IN (${names}) ORDER BY last_seen_at DESC, id`,
        params,
      )
    },
  }
}

function byKey(one: { keyId: string }, other: { keyId: string }): number {
  return Number(one.keyId > other.keyId) - Number(one.keyId < other.keyId)
}

/** Another process may have written a later use. */
function use({ keyId, at, source, agent }: KeyUse): Statement {
  return {
    sql: `UPDATE api_keys SET last_used_at = :at, last_used_source = :source, last_used_agent = :agent
      WHERE id = :id AND (last_used_at IS NULL OR last_used_at <= :at)`,
    params: { id: keyId, at, source, agent },
  }
}

function refuse({ keyId, at, source, calls }: RefusedUse): Statement {
  return {
    sql: `UPDATE api_keys SET refused_calls = refused_calls + :calls, last_refused_at = :at,
      last_refused_source = :source WHERE id = :id`,
    params: { id: keyId, at, source, calls },
  }
}

/** The key's row is held first. Of a secret that was replaced once more in the meantime nothing is written. */
function hear({ id, keyId, formerHash, at, source, agent, calls }: FormerUse): Statement[] {
  const still: Guard = {
    sql: 'EXISTS (SELECT 1 FROM api_keys WHERE id = :heard AND former_hash = :heard_by)',
    params: { heard: keyId, heard_by: formerHash },
  }
  const place = { key_id: keyId, former_hash: formerHash, source, agent }
  return [
    {
      sql: `UPDATE api_keys
        SET former_heard_at = CASE WHEN former_heard_at < :at THEN :at ELSE former_heard_at END
        WHERE id = :id AND former_hash = :hash`,
      params: { id: keyId, hash: formerHash, at },
    },
    insert(
      'former_secret_callers',
      { id, ...place, calls, last_seen_at: at },
      still,
      `ON CONFLICT (former_hash, source, agent) DO UPDATE SET
        calls = former_secret_callers.calls + excluded.calls,
        last_seen_at = CASE WHEN excluded.last_seen_at > former_secret_callers.last_seen_at
          THEN excluded.last_seen_at ELSE former_secret_callers.last_seen_at END`,
    ),
    {
      sql: `DELETE FROM former_secret_callers WHERE former_hash = :hash AND id NOT IN
        (SELECT id FROM former_secret_callers WHERE former_hash = :hash
          ORDER BY last_seen_at DESC, id LIMIT ${MOST_CALLERS})`,
      params: { hash: formerHash },
    },
  ]
}
