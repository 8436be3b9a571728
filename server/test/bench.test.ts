import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { compare } from '../../bench/frame/compare.ts'
import { keepResults } from '../../bench/frame/keep.ts'
import type { Result } from '../../bench/frame/result.ts'
import type { Side } from '../../bench/frame/scenario.ts'
import { scenarios } from '../../bench/scenarios/all.ts'
import { calls, floor, freddyOnPostgres, same } from '../../bench/scenarios/sides.ts'
import { openFreshPostgres } from './databases.ts'

/*
 * A tenth of a second of everything that the bench measures: that it starts, and that every answer is the right one. No time
 * is asserted.
 */

const pace = { rounds: 1, seconds: 0.1, warmUpSeconds: 0.05 }
const all = scenarios({
  wants: ({ isPeer, isOnPostgres }) => !isPeer && !isOnPostgres,
  others: [100],
})

test('every scenario of the bench starts, and is answered rightly', async (t) => {
  const results: Result[] = []
  for (const { name, measure } of all) {
    const result = await measure({ postgres: noDatabase, share: 0.01 }, pace)
    assert.equal(result.name, name)
    for (const { rounds, name: side } of result.sides) assert.equal(rounds.length, 1, side)
    results.push(result)
  }

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

test('our server on PostgreSQL is measured as well', async (t) => {
  const place = await openFreshPostgres()
  t.after(() => place.drop())
  const side = freddyOnPostgres('PostgreSQL', { keys: 1 }, ({ keys }) => calls(keys, 'api-key'))
  const setting = { postgres: async () => place.url, share: 1 }
  const [measured] = await compare(of(side), setting, pace)
  assert.ok((measured?.rounds[0]?.perSecond ?? 0) > 0)
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
