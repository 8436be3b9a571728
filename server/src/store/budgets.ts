import type { Budget, BudgetName, Window } from '../limits.ts'
import type { Database, Params, Statement } from './database.ts'
import { always, type Guard } from './sql.ts'

/** One counted thing: a budget's name and what it is counted for, as a keyed hash. */
export interface Counter {
  readonly key: string
  readonly name: BudgetName
  readonly budget: Budget
  /** Set when the key belongs to an account; what strangers chose is evicted first. */
  readonly userId: string | null
}

export interface BudgetRow {
  readonly key: string
  readonly log: string
  readonly streak: number
}

export interface BudgetStore {
  /** Counts one try on every counter, or on none. True when all had room. */
  take(counters: readonly Counter[], now: number, tryId: string): Promise<boolean>
  /** Takes the newest try back: it was not a wrong one. */
  giveBack(keys: readonly string[]): Promise<void>
  find(keys: readonly string[]): Promise<BudgetRow[]>
}

export function createBudgetStore(database: Database): BudgetStore {
  return {
    async take(counters, now, tryId) {
      const results = await database.batch(takeStatements(counters, now, tryId))
      return (results[counters.length - 1]?.length ?? 0) > 0
    },
    async giveBack(keys) {
      if (keys.length) await database.write(...asArguments(giveBack(keys)))
    },
    find(keys) {
      const { sql, params } = keyList(keys)
      return database.read(`SELECT key, log, streak FROM budgets WHERE key IN (${sql})`, params)
    },
  }
}

/** A moment in a log: 13 digits, so that text compares as numbers do. */
export const STAMP = 13

/** One statement a counter, each on condition that the one before counted, and one that undoes a part. */
export function takeStatements(
  counters: readonly Counter[],
  now: number,
  tryId: string,
  guard: Guard = always,
): Statement[] {
  const takes = counters.map((counter, index) => {
    const before = counters[index - 1]
    return take(counter, now, tryId, before ? taken(before.key, tryId) : guard)
  })
  const last = counters[counters.length - 1]
  const earlier = counters.slice(0, -1).map((counter) => counter.key)
  if (!last || earlier.length === 0) return takes
  return [...takes, giveBack(earlier, notTaken(last.key, tryId), tryId)]
}

/** Ends the tries in a row; those of the windows stay. */
export function endStreak(key: string, guard: Guard): Statement {
  return {
    sql: `UPDATE budgets SET streak = 0 WHERE key = :streak AND ${guard.sql}`,
    params: { streak: key, ...guard.params },
  }
}

/** Holds in the transaction of the try that counted. */
export function taken(key: string, tryId: string): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM budgets WHERE key = :taken_key AND last_try = :taken_try)',
    params: { taken_key: key, taken_try: tryId },
  }
}

/**
 * Counts a try, if the budget has room, in one statement. The log holds the last tries, newest first, so
 * "at most n within w" reads: the n-th newest is older than w (or is not there, and '' sorts before any digit).
 */
function take(counter: Counter, now: number, tryId: string, guard: Guard): Statement {
  const { budget } = counter
  const keep = Math.max(...budget.windows.map((window) => window.tries))
  const rooms = budget.windows.map((window, index) => room(window, index, now))
  if (budget.streak) rooms.push(streakRoom(budget.streak, now))
  return {
    sql: `INSERT INTO budgets (key, name, user_id, log, streak, last_try, expires_at)
      SELECT CAST(:key AS TEXT), CAST(:name AS TEXT), ${counter.userId ? 'CAST(:user_id AS TEXT)' : 'NULL'},
        CAST(:stamp AS TEXT), 1, CAST(:try AS TEXT), CAST(:expires AS BIGINT)
      WHERE ${guard.sql}
      ON CONFLICT (key) DO UPDATE SET
        log = substr(excluded.log || budgets.log, 1, ${keep * STAMP}),
        streak = budgets.streak + 1, last_try = excluded.last_try, expires_at = excluded.expires_at
      WHERE ${rooms.map((part) => part.sql).join(' AND ')}
      RETURNING key`,
    params: Object.assign(
      {
        key: counter.key,
        name: counter.name,
        stamp: stamp(now),
        try: tryId,
        expires: ends(budget, now),
      },
      counter.userId ? { user_id: counter.userId } : {},
      guard.params,
      ...rooms.map((part) => part.params),
    ),
  }
}

function room(window: Window, index: number, now: number): Guard {
  const oldest = `substr(budgets.log, ${(window.tries - 1) * STAMP + 1}, ${STAMP})`
  const fits = `${oldest} <= :cut_${index}`
  const cut = { [`cut_${index}`]: stamp(now - window.withinMs) }
  if (!window.thenEveryMs) return { sql: fits, params: cut }
  return {
    sql: `(${fits} OR substr(budgets.log, 1, ${STAMP}) <= :then_${index})`,
    params: { ...cut, [`then_${index}`]: stamp(now - window.thenEveryMs) },
  }
}

function streakRoom(streak: { after: number; everyMs: number }, now: number): Guard {
  return {
    sql: `(budgets.streak < ${streak.after} OR substr(budgets.log, 1, ${STAMP}) <= :streak_cut)`,
    params: { streak_cut: stamp(now - streak.everyMs) },
  }
}

function giveBack(keys: readonly string[], guard: Guard = always, tryId?: string): Statement {
  const list = keyList(keys)
  const mine = tryId ? 'AND last_try = :try' : ''
  return {
    sql: `UPDATE budgets SET log = substr(log, ${STAMP + 1}), streak = CASE WHEN streak > 0 THEN streak - 1 ELSE 0 END
      WHERE key IN (${list.sql}) ${mine} AND ${guard.sql}`,
    params: { ...list.params, ...(tryId ? { try: tryId } : {}), ...guard.params },
  }
}

function notTaken(key: string, tryId: string): Guard {
  const { sql, params } = taken(key, tryId)
  return { sql: `NOT ${sql}`, params }
}

function keyList(keys: readonly string[]): { sql: string; params: Params } {
  return {
    sql: keys.map((_, index) => `:key_${index}`).join(', '),
    params: Object.fromEntries(keys.map((key, index) => [`key_${index}`, key])),
  }
}

export const stamp = (moment: number) => String(Math.max(0, moment)).padStart(STAMP, '0')

function ends(budget: Budget, now: number): number {
  const longest = Math.max(...budget.windows.map((window) => window.withinMs))
  return now + (budget.streak ? Math.max(longest, 30 * 86_400_000) : longest)
}

const asArguments = ({ sql, params }: Statement) => [sql, params] as const
