import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Cost, fields } from './scaling/costs.ts'
import { type Curve, draw } from './scaling/draw.ts'
import { measure } from './scaling/measure.ts'
import { type Need, needOf } from './scaling/need.ts'

/**
 * `npm run bench -- scaling [--svg FILE]`: what each call costs on this machine, and what a million, a hundred million and a
 * billion accounts would need by that (docs/scaling.md). The curves go to the file.
 */
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { svg: { type: 'string', default: 'bench/scaling.svg' } },
})

const curves: readonly Curve[] = [
  { name: 'calls a second', of: ({ callsEachSecond }) => callsEachSecond },
  { name: 'gigabytes kept', of: ({ gigabytes }) => gigabytes },
  { name: 'server cores', of: ({ serverCores }) => serverCores },
  { name: 'database cores', of: ({ databaseCores }) => databaseCores },
  { name: 'log, MB a second', of: ({ logMegabytesEachSecond }) => logMegabytesEachSecond },
]

const measured = await measure()
const rows = [...measured.costs].map(([name, cost]) => [name, ...fields.map((f) => say(cost, f))])
const needs = [1e6, 1e8, 1e9].map((users) => needOf(users, measured))
const steps = Array.from({ length: 17 }, (_, step) => 10 ** (5 + step / 4))
process.stdout.write(
  [
    table(
      ['', 'server ms', 'database ms', 'trips', 'syncs', 'log bytes', 'rows +', 'rows ~'],
      rows,
    ),
    table(
      ['', ...needs.map(({ users }) => users.toLocaleString('en'))],
      (Object.keys(needs[0] ?? {}) as (keyof Need)[])
        .slice(1)
        .map((name) => [name, ...needs.map((need) => round(need[name]))]),
    ),
    table(
      ['bytes of a row', ''],
      [...measured.rowBytes].map(([name, bytes]) => [name, `${bytes}`]),
    ),
  ].join('\n'),
)
const { svg } = values
writeFileSync(
  svg,
  draw(
    steps.map((users) => needOf(users, measured)),
    curves,
  ),
)
process.stderr.write(`${svg}\n`)

function say(cost: Cost, field: (typeof fields)[number]): string {
  return round(cost[field])
}

function round(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(2)))
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rule = head.map(() => '---')
  return `${[head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`
}
