import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { compare } from '../../bench/frame/compare.ts'
import { keepResults } from '../../bench/frame/keep.ts'
import type { Result } from '../../bench/frame/result.ts'
import type { Side } from '../../bench/frame/scenario.ts'
import { spreadOf } from '../../bench/frame/statistics.ts'
import { scenarios } from '../../bench/scenarios/all.ts'
import { countRoundTrips } from '../../bench/scenarios/round-trips.ts'
import { floor, same } from '../../bench/scenarios/sides.ts'
import { openFreshPostgres } from './databases.ts'

/*
 * A moment of what the bench measures: that it starts, and that every answer is the right one. No time is asserted. Floors
 * that several scenarios share are tried once, and what asks the same of a server that another scenario starts is left out.
 */

const pace = { rounds: 1, seconds: 0.05, warmUpSeconds: 0.02 }
const shared = new Set<object>()
const said = new Set(['first-seen', 'refresh', 'login', 'verify', 'growth-reads'])
const all = scenarios({
  wants(side) {
    if (side.isPeer || side.isOnPostgres || /as published|nothing booked/.test(side.name))
      return false
    return shared.size < shared.add(side).size
  },
  others: [100],
}).filter(({ name }) => !said.has(name))

test('every scenario of the bench starts, and is answered rightly', async (t) => {
  const results: Result[] = []
  const left = [...all]
  const setting = { postgres: noDatabase, share: 0.01 }
  const playInTurn = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const result = await next.measure(setting, pace)
      assert.equal(result.name, next.name)
      assert.ok(result.sides.length > 0, next.name)
      for (const { rounds, name: side } of result.sides) assert.ok(rounds.length > 0, side)
      results.push(result)
    }
  }
  await Promise.all([playInTurn(), playInTurn()])

  const folder = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  keepResults(
    folder,
    results,
    all.map(({ name }) => name),
  )
  const tables = readFileSync(join(folder, 'README.md'), 'utf8')
  for (const { title } of results) {
    if (title !== 'A start') assert.ok(tables.includes(title), title)
  }
  for (const plot of ['speed.svg', 'tails.svg']) {
    assert.match(readFileSync(join(folder, plot), 'utf8'), /^<svg [\s\S]*<\/svg>\n$/)
    assert.ok(tables.includes(plot))
  }
})

test('the trips of our server to PostgreSQL are counted, and a call that is warm makes none', async (t) => {
  const place = await openFreshPostgres()
  t.after(() => place.drop())
  const sides = await countRoundTrips({ postgres: async () => place.url, share: 0.01 })
  const of = (name: RegExp) => spreadOf(sides.find((side) => name.test(side.name))?.rounds ?? [])
  assert.ok(of(/^login/).median > 0)
  assert.equal(of(/^a call .* token that is known/).median, 0)
  assert.equal(of(/^who calls/).median, 0)
})

test('a side that answers wrongly does not count', async () => {
  const line = { method: 'GET', path: '/nothing-there' } as const
  const side = floor('Fastify', 'fastify', same(line, 200, '"object"'))
  const setting = { postgres: noDatabase, share: 1 }
  await assert.rejects(compare(of(side), setting, pace), /404 instead of 200/)
})

const of = (side: Side) => ({
  name: 'one',
  title: 'one',
  unit: 'answers',
  connections: 1,
  sides: [side],
})

async function noDatabase(): Promise<string> {
  throw new Error('nobody asked for PostgreSQL here')
}
