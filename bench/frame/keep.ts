import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plotSpeed, plotTails } from './plot.ts'
import type { Result } from './result.ts'
import { writeTables } from './table.ts'

const SLOWER =
  '\nThe same on a disk whose syncs take 2 ms more: [slow-disk](slow-disk/README.md).\n'

/** Writes what was found, raw, and tells all that was ever found anew: tables and plots. */
export function keepResults(
  folder: string,
  found: readonly Result[],
  order: readonly string[],
): void {
  mkdirSync(folder, { recursive: true })
  for (const result of found) {
    const text = JSON.stringify(result, rounded, 1)
    writeFileSync(join(folder, `${result.name}.json`), `${text}\n`)
  }
  const all = readAll(folder).toSorted(
    (one, other) => order.indexOf(one.name) - order.indexOf(other.name),
  )
  const slower = existsSync(join(folder, 'slow-disk', 'README.md')) ? SLOWER : ''
  writeFileSync(join(folder, 'README.md'), writeTables(all) + slower)
  writeFileSync(join(folder, 'speed.svg'), plotSpeed(all))
  writeFileSync(join(folder, 'tails.svg'), plotTails(all))
}

function readAll(folder: string): Result[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Result)
}

/** A thousandth is below what a run can tell. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value
}
