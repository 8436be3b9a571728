import type { App } from '../context.ts'
import { type Budget, type BudgetName, budgets } from '../limits.ts'
import type { BudgetRow, Counter } from '../store/budgets.ts'
import { keyedHash } from './keyring.ts'
import { randomId } from './random.ts'

/** What is counted for an account or a device, under its id: so a statement counts it that finds whose it is. */
export function ownCounter(name: BudgetName, id: string, userId: string | null): Counter {
  return { key: `${name} ${id}`, name, budget: budgets[name], userId }
}

/** What is counted for what somebody gave. The database learns neither the name nor the address it was counted for. */
export function counter(
  app: App,
  name: BudgetName,
  of: readonly string[],
  userId: string | null = null,
): Counter {
  // The oldest generation: a new secret must not hand out new guesses.
  const keys = app.keyring.all.at(-1) ?? app.keyring.current
  return { key: keyedHash(keys.of.name, name, ...of), name, budget: budgets[name], userId }
}

/** Counts one try everywhere, before the work. 0 when it may go on, else the milliseconds to wait. */
export async function takeTry(
  app: App,
  counters: readonly Counter[],
  now: number,
): Promise<number> {
  if (await app.store.budgets.take(counters, now, randomId('try_'))) return 0
  return Math.max(1, await waitForAll(app, counters, now))
}

/** Milliseconds until every counter has room; 0 when they have. */
export async function waitForAll(
  app: App,
  counters: readonly Counter[],
  now: number,
): Promise<number> {
  const rows = await app.store.budgets.find(counters.map(({ key }) => key))
  const waits = counters.map(({ key, budget }) => {
    const row = rows.find((candidate) => candidate.key === key)
    return row ? waitFor(budget, row, now) : 0
  })
  return Math.max(0, ...waits)
}

/** Milliseconds until this budget has room; 0 when it has. Says what the statement in store/budgets.ts decides. */
export function waitFor(
  budget: Budget,
  row: Pick<BudgetRow, 'log' | 'streak'>,
  now: number,
): number {
  const tries = row.log.match(/\d{13}/g)?.map(Number) ?? []
  const [newest = 0] = tries
  const waits = budget.windows.map(({ tries: most, withinMs, thenEveryMs }) => {
    const free = (tries[most - 1] ?? 0) + withinMs
    return Math.min(free, thenEveryMs ? newest + thenEveryMs : free) - now
  })
  if (budget.streak && row.streak >= budget.streak.after) {
    waits.push(newest + budget.streak.everyMs - now)
  }
  return Math.max(0, ...waits)
}

/** How many tries the last `withinMs` saw. */
export function triesWithin(row: Pick<BudgetRow, 'log'>, withinMs: number, now: number): number {
  const tries = row.log.match(/\d{13}/g)?.map(Number) ?? []
  return tries.filter((moment) => moment > now - withinMs).length
}
