import type { Budget, BudgetName, Window } from '../limits.ts'
import type { Database, Params, Statement } from './database.ts'
import { always, type Guard, not } from './sql.ts'

/** One counted thing: a budget's name and what it is counted for, an id of ours or a keyed hash of what somebody gave. */
export interface Counter {
  readonly key: string
  readonly name: BudgetName
  readonly budget: Budget
  /** Set when the key belongs to an account; what strangers chose is evicted first. */
  readonly userId: string | null
  /** Set where it is the statement that finds whose it is. */
  readonly found?: Found
}

/** What a statement finds in other tables: whose counter it is, and what goes on with its key. */
export interface Found {
  readonly behind: string
  readonly owner: string
  readonly params: Params
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
      if (keys.length) await database.batch(giveBackTries(keys))
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
    return take(counter, now, tryId, before ? taken(before, tryId) : guard)
  })
  const last = counters[counters.length - 1]
  const earlier = counters.slice(0, -1)
  if (!last || earlier.length === 0) return takes
  return [...takes, giveBack(earlier, not(taken(last, tryId)), tryId)]
}

/**
 * Takes the newest try of each back, in the order in which they were counted: a statement over all of them would hold
 * them in another one, and wait for a try that waits for it.
 */
export function giveBackTries(keys: readonly string[]): Statement[] {
  return keys.map((key) => ({ sql: `${unspend} WHERE key = :key`, params: { key } }))
}

/** Ends the tries in a row; those of the windows stay. */
export function endStreak(key: string, guard: Guard): Statement {
  return {
    sql: `UPDATE budgets SET streak = 0 WHERE key = :streak AND ${guard.sql}`,
    params: { streak: key, ...guard.params },
  }
}

/** Holds in the transaction of the try that counted. Two of them in a statement have two names. */
export function taken(counter: Counter, tryId: string, name = 'taken'): Guard {
  const key = keyOf(counter, `${name}_key`)
  return {
    sql: `EXISTS (SELECT 1 FROM budgets WHERE key = ${key.sql} AND last_try = :${name}_try)`,
    params: { ...key.params, [`${name}_try`]: tryId },
  }
}

/**
 * Counts a try, if the budget has room, in one statement. The log holds the last tries, newest first, so
 * "at most n within w" reads: the n-th newest is older than w (or is not there, and '' sorts before any digit).
 */
function take(counter: Counter, now: number, tryId: string, guard: Guard): Statement {
  const { budget } = counter
  const keep = Math.max(...budget.windows.map((window) => window.tries))
  const key = keyOf(counter, 'key')
  const rooms = budget.windows.map((window, index) => room(window, index, now))
  if (budget.streak) rooms.push(streakRoom(budget.streak, now))
  return {
    sql: `INSERT INTO budgets (key, name, user_id, log, streak, last_try, expires_at)
      SELECT ${key.sql}, CAST(:name AS TEXT), ${ownerOf(counter)},
        CAST(:stamp AS TEXT), 1, CAST(:try AS TEXT), CAST(:expires AS BIGINT)
      WHERE ${guard.sql}
      ON CONFLICT (key) DO UPDATE SET
        log = substr(excluded.log || budgets.log, 1, ${keep * STAMP}),
        streak = budgets.streak + 1, last_try = excluded.last_try, expires_at = excluded.expires_at
      WHERE ${rooms.map((part) => part.sql).join(' AND ')}
      RETURNING key`,
    params: Object.assign(
      key.params,
      {
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

const unspend = `UPDATE budgets SET log = substr(log, ${STAMP + 1}),
  streak = CASE WHEN streak > 0 THEN streak - 1 ELSE 0 END`

/** Of this try. */
function giveBack(counters: readonly Counter[], guard: Guard, tryId: string): Statement {
  const keys = counters.map((counter, index) => keyOf(counter, `key_${index}`))
  return {
    sql: `${unspend} WHERE key IN (${keys.map(({ sql }) => sql).join(', ')}) AND last_try = :try AND ${guard.sql}`,
    params: Object.assign({ try: tryId }, guard.params, ...keys.map(({ params }) => params)),
  }
}

function keyOf({ key, found }: Counter, name: string): Guard {
  const sql = `CAST(:${name} AS TEXT)`
  if (!found) return { sql, params: { [name]: key } }
  return { sql: `(${sql} || ${found.behind})`, params: { [name]: key, ...found.params } }
}

function ownerOf({ userId, found }: Counter): string {
  if (found) return found.owner
  return userId ? 'CAST(:user_id AS TEXT)' : 'NULL'
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
