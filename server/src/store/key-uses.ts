import type { Database, Statement } from './database.ts'

/** The latest use of a key: when, from where, and with what program. */
export interface KeyUse {
  readonly keyId: string
  readonly at: number
  readonly source: string
  readonly agent: string
}

/** Calls that were refused since they came from outside a key's networks; the latest of them. */
export interface RefusedUse {
  readonly keyId: string
  readonly at: number
  readonly source: string
  readonly calls: number
}

export interface KeyUseStore {
  /** Writes the uses that were noted since the last time, all of them or none. */
  record(uses: readonly KeyUse[], refusals: readonly RefusedUse[]): Promise<void>
}

export function createKeyUseStore(database: Database): KeyUseStore {
  return {
    async record(uses, refusals) {
      const changes = [
        ...uses.map((one) => ({ keyId: one.keyId, statement: use(one) })),
        ...refusals.map((one) => ({ keyId: one.keyId, statement: refuse(one) })),
      ]
      // In one order for all processes, so that two never wait for each other.
      changes.sort((one, other) => (one.keyId < other.keyId ? -1 : 1))
      await database.batch(changes.map(({ statement }) => statement))
    },
  }
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
