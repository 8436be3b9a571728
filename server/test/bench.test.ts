import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keepResults } from '../../bench/frame/keep.ts'
import type { Result } from '../../bench/frame/result.ts'
import { scenarios } from '../../bench/scenarios/all.ts'
import { openFreshPostgres } from './databases.ts'

/*
 * A tenth of a second of everything that the bench measures: that it starts, and that every answer is the right one. No time
 * is asserted.
 */

const pace = { rounds: 1, seconds: 0.1, warmUpSeconds: 0.05 }
const all = scenarios({ withPeers: false, others: [100, 300] })

test('every scenario of the bench starts, and is answered rightly', async (t) => {
  const places: { drop(): Promise<void> }[] = []
  t.after(() => Promise.all(places.map((place) => place.drop())))
  const postgres = async () => {
    const place = await openFreshPostgres()
    places.push(place)
    return place.url
  }
  const results: Result[] = []
  for (const { name, measure } of all) {
    const result = await measure({ postgres, share: 0.01 }, pace)
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

test('a side that answers wrongly does not count', async () => {
  const { compare } = await import('../../bench/frame/compare.ts')
  const { floor, same } = await import('../../bench/scenarios/sides.ts')
  const line = { method: 'GET', path: '/nothing-there' } as const
  const comparison = {
    name: 'wrong',
    title: 'wrong',
    unit: 'answers',
    connections: 1,
    sides: [floor('Fastify', 'fastify', same(line, 200, '"object"'))],
  }
  const setting = { postgres: async () => '', share: 1 }
  await assert.rejects(compare(comparison, setting, pace), /404 instead of 200/)
})
