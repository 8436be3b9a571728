import type { Database, Statement } from './database.ts'
import type { Aimed } from './panic-aim.ts'
import type { Guard } from './sql.ts'

/** What an aim means at a moment: all of it counted, the first of it named. */
export interface Reach {
  readonly counts: Readonly<Record<'sessions' | 'apiKeys' | 'challenges' | 'people', number>>
  readonly sessions: readonly ReachedSession[]
  readonly apiKeys: readonly ReachedKey[]
  readonly people: readonly ReachedPerson[]
}

export interface ReachedSession {
  readonly id: string
  readonly name: string | null
  readonly address: string
  readonly source: string
  readonly created_at: number
  readonly last_seen_at: number
}

export interface ReachedKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly last4: string
  readonly address: string
  readonly last_used_at: number | null
}

export interface ReachedPerson {
  readonly id: string
  readonly address: string
}

/** All from one moment: what is counted is what is named. */
export async function findReach(database: Database, reach: Aimed, most: number): Promise<Reach> {
  const { sessions, apiKeys, challenges } = reach
  const people = {
    sql: `SELECT user_id FROM sessions WHERE ${sessions.sql}
      UNION SELECT user_id FROM api_keys WHERE ${apiKeys.sql}`,
    params: { ...sessions.params, ...apiKeys.params },
  }
  const count = (from: string, guard: Guard) => ({
    sql: `SELECT count(*) AS count FROM ${from} WHERE ${guard.sql}`,
    params: guard.params,
  })
  const [[inAll] = [], [keys] = [], [waiting] = [], [concerned] = [], ...named] =
    await database.snapshot([
      count('sessions', sessions),
      count('api_keys', apiKeys),
      count('challenges', challenges),
      { sql: `SELECT count(*) AS count FROM (${people.sql}) AS p`, params: people.params },
      nameSessions(sessions, most),
      nameKeys(apiKeys, most),
      {
        sql: `SELECT id, address FROM users WHERE id IN (${people.sql}) ORDER BY address LIMIT ${most}`,
        params: people.params,
      },
    ])
  return {
    counts: {
      sessions: Number(inAll?.count),
      apiKeys: Number(keys?.count),
      challenges: Number(waiting?.count),
      people: Number(concerned?.count),
    },
    sessions: (named[0] ?? []) as unknown as ReachedSession[],
    apiKeys: (named[1] ?? []) as unknown as ReachedKey[],
    people: (named[2] ?? []) as unknown as ReachedPerson[],
  }
}

const addressOf = '(SELECT address FROM users u WHERE u.id = user_id) AS address'

function nameSessions({ sql, params }: Guard, most: number): Statement {
  return {
    sql: `SELECT id, name, ${addressOf}, COALESCE(seen_source, source) AS source, created_at, last_seen_at
      FROM sessions WHERE ${sql} ORDER BY last_seen_at DESC, id LIMIT ${most}`,
    params,
  }
}

function nameKeys({ sql, params }: Guard, most: number): Statement {
  return {
    sql: `SELECT id, name, prefix, last4, ${addressOf}, last_used_at
      FROM api_keys WHERE ${sql} ORDER BY COALESCE(last_used_at, 0) DESC, id LIMIT ${most}`,
    params,
  }
}
