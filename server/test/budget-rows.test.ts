import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomId } from '../src/auth/random.ts'
import { type Budget, type BudgetName, budgets } from '../src/limits.ts'
import { createBudgetStore } from '../src/store/budgets.ts'
import { migrate } from '../src/store/migrate.ts'
import { databases } from './databases.ts'

/** As many at once as both connections carry without anybody waiting long. */
const BURST = 24
const NOON = Date.UTC(2026, 10, 23, 12)
const rows = Object.entries(budgets) as [BudgetName, Budget][]
/** What a budget lets through in one moment: its tightest window. */
const mostAtOnce = ({ windows }: Budget) => Math.min(...windows.map(({ tries }) => tries))

for (const { name: engine, open } of databases) {
  test(`F35: every budget counts the same over two connections as over one (${engine})`, async () => {
    const place = await open()
    await migrate(place.database)
    const other = await place.reopen()
    const stores = [createBudgetStore(place.database), createBudgetStore(other)]
    try {
      for (const [name, budget] of rows) {
        const most = mostAtOnce(budget)
        const counter = { key: `one ${name}`, name, budget, userId: null }
        let through = 0
        for (let burst = 0; burst * BURST < most + BURST; burst++) {
          const tries = Array.from({ length: BURST }, (_, index) =>
            stores[index % 2]?.take([counter], NOON, randomId('try_')),
          )
          through += (await Promise.all(tries)).filter(Boolean).length
        }
        assert.equal(through, most, name)
        const [row] = (await stores[1]?.find([counter.key])) ?? []
        assert.equal(
          row?.log.length,
          most * 13,
          `${name}: what was let through is what was counted`,
        )
      }
    } finally {
      await other.close()
      await place.drop()
    }
  })
}
