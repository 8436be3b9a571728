import { type Keyring, keyedHash } from '../../server/src/auth/keyring.ts'
import type { Database, Statement } from '../../server/src/store/database.ts'
import { always, insert } from '../../server/src/store/sql.ts'

/** Rows that a server finds when it starts: written past it, since nobody measures how they came. */

const AT_ONCE = 500
const DAY = 86_400_000

export interface MadeSession {
  readonly id: string
  readonly userId: string
  readonly refreshId: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly amr: readonly string[]
}

export function personOf(index: number): { id: string; address: string } {
  const number = String(index).padStart(6, '0')
  return { id: `usr_${number.padStart(32, '0')}`, address: `person${number}@example.com` }
}

export async function addPeople(database: Database, count: number): Promise<void> {
  const now = Date.now()
  const rows = Array.from({ length: count }, (_, index) => ({
    ...personOf(index),
    created_at: now,
    updated_at: now,
    sessions_valid_after: 0,
  }))
  await inGroups(
    database,
    rows.map((row) => insert('users', row, always)),
  )
}

export async function addSessions(
  database: Database,
  keyring: Keyring,
  count: number,
): Promise<MadeSession[]> {
  const now = Date.now()
  const made = Array.from({ length: count }, (_, index) => ({
    id: `ses_${String(index).padStart(32, '0')}`,
    userId: personOf(index % Math.min(count, 2000)).id,
    refreshId: String(index).padStart(22, 'r'),
    createdAt: now,
    expiresAt: now + 30 * DAY,
    amr: ['pwd', 'email'],
  }))
  const rows = made.map((session) => ({
    ...about(session),
    refresh_hash: keyedHash(keyring.current.of.session, session.refreshId),
  }))
  await inGroups(
    database,
    rows.map((row) => insert('sessions', row, always)),
  )
  return made
}

function about({ id, userId, createdAt, expiresAt, amr }: MadeSession) {
  return {
    id,
    user_id: userId,
    source: '127.0.0.1',
    agent: 'bench',
    created_at: createdAt,
    last_seen_at: createdAt,
    expires_at: expiresAt,
    refresh_issued_at: createdAt,
    amr: amr.join(' '),
  }
}

/** So many more people with a session each: in two statements, for there may be millions. */
export async function grow(database: Database, count: number): Promise<void> {
  const now = Date.now()
  const first = 100_000
  const step = 50_000
  for (let from = 0; from < count; from += step) {
    const params = { from: first + from, to: first + Math.min(from + step, count), now }
    const numbers = `WITH RECURSIVE n(i) AS (
      SELECT CAST(:from AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST(:to AS BIGINT))`
    await database.batch([
      {
        sql: `INSERT INTO users (id, address, created_at, updated_at, sessions_valid_after)
          ${numbers} SELECT 'usr_' || ${spread}, 'other' || CAST(i AS TEXT) || '@example.com',
            CAST(:now AS BIGINT), CAST(:now AS BIGINT), 0 FROM n`,
        params,
      },
      {
        sql: `INSERT INTO sessions (id, user_id, source, agent, created_at, last_seen_at, expires_at,
            refresh_hash, refresh_issued_at)
          ${numbers} SELECT 'ses_' || ${spread}, 'usr_' || ${spread}, '127.0.0.1', 'bench',
            CAST(:now AS BIGINT), CAST(:now AS BIGINT), CAST(:now AS BIGINT) + 2592000000,
            'hash' || ${spread}, CAST(:now AS BIGINT) FROM n`,
        params,
      },
    ])
  }
}

/** Ids stand in an index as random ones would: those of one moment are no neighbours. */
const spread = `CAST((i * 2654435761) % 4294967296 + 4294967296 AS TEXT) || '-' || CAST(i AS TEXT)`

async function inGroups(database: Database, statements: readonly Statement[]): Promise<void> {
  for (let first = 0; first < statements.length; first += AT_ONCE) {
    await database.batch(statements.slice(first, first + AT_ONCE))
  }
}
