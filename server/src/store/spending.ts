import type { Bulk, Database, Statement } from './database.ts'
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

/** What a call adds to a place. */
export interface Addition extends Place, Move {}

const counters = {
  owner: 'TEXT',
  period: 'TEXT',
  starts_at: 'BIGINT',
  tokens: 'BIGINT',
  money: 'BIGINT',
  turn: 'BIGINT',
} as const

/**
 * Adds to the counters of many places, each a row, and locks them until the batch is done. Every process takes them in
 * this order, so that two never wait for each other. A row that is missing is made; an owner who is gone has none.
 */
export function spendIn(additions: readonly Addition[]): Bulk[] {
  const sums = sumUp(additions)
  const isPerson = ({ level }: Place) => level === 'person'
  return [
    ...countUp('person', sums.filter(isPerson)),
    ...countUp(
      'key',
      sums.filter((sum) => !isPerson(sum)),
    ),
  ]
}

function countUp(level: Level, sums: readonly Addition[]): Bulk[] {
  if (sums.length === 0) return []
  const [table, owner, owners] = tables[level]
  const rows = sums.map((sum, turn) => {
    return [sum.owner, sum.period, sum.startsAt, sum.tokens, sum.money, turn]
  })
  return [
    {
      sql: `INSERT INTO ${table} (${owner}, period, starts_at, held_tokens, spent_tokens, held_money, spent_money)
        SELECT r.owner, r.period, r.starts_at, 0, r.tokens, 0, r.money FROM :rows AS r
        WHERE EXISTS (SELECT 1 FROM ${owners} WHERE id = r.owner) ORDER BY r.turn
        ON CONFLICT (${owner}, period, starts_at) DO UPDATE SET
          spent_tokens = ${table}.spent_tokens + excluded.spent_tokens,
          spent_money = ${table}.spent_money + excluded.spent_money`,
      columns: counters,
      rows,
    },
  ]
}

/** Each place once, in order. A key is itself to its own calls and a parent to those of its children: one row. */
function sumUp(additions: readonly Addition[]): Addition[] {
  const sums = new Map<string, { -readonly [Name in keyof Addition]: Addition[Name] }>()
  for (const addition of additions) {
    const name = `${addition.owner} ${addition.period} ${addition.startsAt}`
    const sum = sums.get(name)
    if (sum) {
      sum.tokens += addition.tokens
      sum.money += addition.money
    } else sums.set(name, { ...addition })
  }
  return [...sums].sort(byName).map(([, sum]) => sum)
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]) =>
  one < other ? -1 : Number(one > other)

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

/** What was held becomes what was spent; the difference goes back, or is taken on top. */
export function releaseIn(place: Place, held: Move, spent: Move, guard: Guard): Statement {
  const [table, column] = tables[place.level]
  return {
    sql: `UPDATE ${table} SET held_tokens = held_tokens - :held_tokens, spent_tokens = spent_tokens + :tokens,
        held_money = held_money - :held_money, spent_money = spent_money + :money
      WHERE ${column} = :owner AND period = :period AND starts_at = :starts AND ${guard.sql}`,
    params: {
      ...nameOf(place),
      held_tokens: held.tokens,
      held_money: held.money,
      ...spent,
      ...guard.params,
    },
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
