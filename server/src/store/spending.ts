import type { Database, Statement } from './database.ts'
import { all, type Guard } from './sql.ts'

/** The most that may be spent; money in millionths of a unit. Null where nothing is said. */
export interface SpendingLimits {
  readonly tokens_per_day: number | null
  readonly tokens_per_month: number | null
  readonly money_per_day: number | null
  readonly money_per_month: number | null
}

export type LimitName = keyof SpendingLimits

/** Whose counters: a key's, those of the key that made it, or those of its person, in which every key and session meets. */
export type Level = 'person' | 'parent' | 'key'

/** One row of counters. */
export interface Place {
  readonly level: Level
  readonly owner: string
  readonly period: 'day' | 'month'
  readonly startsAt: number
}

/** The most that may be spent in a place; null where it has no cap. */
export interface Cap extends Place {
  readonly tokens: number | null
  readonly money: number | null
}

export interface SpendingRow {
  readonly level: Level
  readonly owner: string
  readonly period: 'day' | 'month'
  readonly starts_at: number
  readonly held_tokens: number
  readonly spent_tokens: number
  readonly held_money: number
  readonly spent_money: number
}

/** What one call moves in each of its places. */
export interface Move {
  readonly tokens: number
  readonly money: number
}

const tables: Readonly<Record<Level, readonly [table: string, owner: string, owners: string]>> = {
  person: ['person_spending', 'user_id', 'users'],
  parent: ['spending', 'key_id', 'api_keys'],
  key: ['spending', 'key_id', 'api_keys'],
}

/** Every process locks the rows of its calls in this order, so that two never wait for each other. */
export function inOrder<P extends Place>(
  places: readonly P[],
  userId: string,
): (P & { sort: string })[] {
  return places
    .map((place) => {
      const { level, owner, period, startsAt } = place
      return {
        ...place,
        sort: `${userId} ${level === 'person' ? '' : owner} ${period} ${startsAt}`,
      }
    })
    .sort(bySort)
}

export const bySort = (one: { sort: string }, other: { sort: string }) =>
  one.sort < other.sort ? -1 : Number(one.sort > other.sort)

/** Makes the row, and locks it until the batch is done. An owner who is gone has none. */
export function lockPlace(place: Place): Statement {
  const [table, owner, owners] = tables[place.level]
  return {
    sql: `INSERT INTO ${table} (${owner}, period, starts_at, held_tokens, spent_tokens, held_money, spent_money)
      SELECT id, CAST(:period AS TEXT), CAST(:starts AS BIGINT), 0, 0, 0, 0 FROM ${owners} WHERE id = :owner
      ON CONFLICT (${owner}, period, starts_at) DO UPDATE SET spent_tokens = ${table}.spent_tokens`,
    params: nameOf(place),
  }
}

export const isCap = ({ tokens, money }: Cap) => tokens !== null || money !== null

/** No cap is reached: the call that reaches one is let through whole, the next is not. */
export function noneReached(caps: readonly Cap[]): Guard {
  return all(...caps.filter(isCap).map(notReached))
}

function notReached({ level, owner, period, startsAt, tokens, money }: Cap): Guard {
  const [table, column] = tables[level]
  const at = `${level}_${period}`
  const reached = [
    ...(tokens === null ? [] : [`held_tokens + spent_tokens >= :${at}_tokens`]),
    ...(money === null ? [] : [`held_money + spent_money >= :${at}_money`]),
  ]
  return {
    sql: `NOT EXISTS (SELECT 1 FROM ${table} WHERE ${column} = :${at}_owner AND period = '${period}'
      AND starts_at = :${at}_start AND (${reached.join(' OR ')}))`,
    params: {
      [`${at}_owner`]: owner,
      [`${at}_start`]: startsAt,
      ...(tokens === null ? {} : { [`${at}_tokens`]: tokens }),
      ...(money === null ? {} : { [`${at}_money`]: money }),
    },
  }
}

export function holdIn(place: Place, { tokens, money }: Move, guard: Guard): Statement {
  const [table, column] = tables[place.level]
  return {
    sql: `UPDATE ${table} SET held_tokens = held_tokens + :tokens, held_money = held_money + :money
      WHERE ${column} = :owner AND period = :period AND starts_at = :starts AND ${guard.sql}`,
    params: { ...nameOf(place), tokens, money, ...guard.params },
  }
}

/** What was held becomes what was spent; the difference goes back, or is taken on top. An owner who is gone has no row. */
export function releaseIn(place: Place, held: Move, spent: Move, guard: Guard): Statement {
  const [table, owner, owners] = tables[place.level]
  // A sum names the type for both databases; a CAST would cut off what is no whole number, which is to fail.
  const moves = {
    held_tokens: '0 - :held_tokens',
    spent_tokens: '0 + :tokens',
    held_money: '0 - :held_money',
    spent_money: '0 + :money',
  }
  const columns = Object.keys(moves)
  const values = Object.values(moves).map((move) => move.replace('0', 'CAST(0 AS BIGINT)'))
  const sums = columns.map((column) => `${column} = ${table}.${column} + excluded.${column}`)
  const { tokens, money } = spent
  const params = { held_tokens: held.tokens, held_money: held.money, tokens, money }
  return {
    sql: `INSERT INTO ${table} (${owner}, period, starts_at, ${columns.join(', ')})
      SELECT id, CAST(:period AS TEXT), CAST(:starts AS BIGINT), ${values.join(', ')}
      FROM ${owners} WHERE id = :owner AND ${guard.sql}
      ON CONFLICT (${owner}, period, starts_at) DO UPDATE SET ${sums.join(', ')}`,
    params: { ...nameOf(place), ...params, ...guard.params },
  }
}

export function standingIn(place: Place): Statement {
  const [table, column] = tables[place.level]
  return {
    sql: `SELECT CAST('${place.level}' AS TEXT) AS level, ${column} AS owner, period, starts_at, held_tokens,
        spent_tokens, held_money, spent_money FROM ${table}
      WHERE ${column} = :owner AND period = :period AND starts_at = :starts`,
    params: nameOf(place),
  }
}

export async function readStandings(
  database: Database,
  places: readonly Place[],
): Promise<SpendingRow[]> {
  const reads = places
    .map(standingIn)
    .map(({ sql, params }) => database.read<SpendingRow>(sql, params))
  return (await Promise.all(reads)).flat()
}

const nameOf = ({ owner, period, startsAt }: Place) => ({ owner, period, starts: startsAt })
