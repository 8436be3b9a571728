import type { SideResult } from './compare.ts'
import type { DisturbedSide, Tail } from './disturb.ts'
import type { Result } from './result.ts'
import type { StartedSide } from './start.ts'
import { ratios, type Spread, spreadOf } from './statistics.ts'

/** What was found, in words: three tables, and how they came about. */
export function writeTables(results: readonly Result[]): string {
  const of = <Kind extends Result['kind']>(kind: Kind) =>
    results.filter((result): result is Result & { kind: Kind } => result.kind === kind)
  return [
    '# What was measured',
    '',
    'Written by `npm run bench`; what each number means and where the time goes stands in [bench/README.md](../README.md).',
    'A ratio is taken within each round, to the first line of its group; the median stands with the smallest and the largest.',
    '',
    ...machineOf(results),
    '',
    '![Pieces of work a second, to the first of each group](speed.svg)',
    '',
    '| Work | Who | each second | of the first | CPU of the server, µs each | of the first | p50, ms | p99, ms | MB |',
    '|---|---|---|---|---|---|---|---|---|',
    ...of('comparison').flatMap(comparisonRows),
    '',
    '## Calls while somebody is in the way',
    '',
    'At a fixed rate; a time counts from the moment at which its call was due.',
    '',
    '![p99 of calls, calm and disturbed](tails.svg)',
    '',
    '| Work | Who | p50 / p99 / p99.9 calm, ms | disturbed, ms | MB calm, disturbed |',
    '|---|---|---|---|---|',
    ...of('disturbance').flatMap(disturbanceRows),
    '',
    '## From the start to the first answer, and memory when nobody asks',
    '',
    '| Who | first answer, ms | of the first | MB | of the first |',
    '|---|---|---|---|---|',
    ...of('start').flatMap(startRows),
    '',
  ].join('\n')
}

function machineOf(results: readonly Result[]): string[] {
  const newest = results.toSorted((one, other) => (one.machine.at < other.machine.at ? 1 : -1))[0]
  if (!newest) return []
  const { machine, pace } = newest
  const packages = Object.entries(machine.packages).map((each) => each.join(' '))
  const loads = results.map((result) => result.machine.loadBefore)
  const least = Math.min(...loads).toFixed(1)
  const most = Math.max(...loads).toFixed(1)
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ${machine.system}, Node ${machine.node}; ${packages.join(', ')}.`,
    `${machine.at.slice(0, 10)}; ${pace.rounds} rounds of ${pace.seconds} s for each side after ${pace.warmUpSeconds} s of warming up. Who asks runs on the same cores.`,
    `Load of the machine before each: ${least} to ${most}.`,
  ]
}

function comparisonRows({ title, goal, unit, sides }: Result & { kind: 'comparison' }): string[] {
  const [first] = sides
  return sides.map((side, index) => {
    const head = index === 0 ? `${title}${goal ? ` (${goal})` : ''}` : ''
    const speed = valuesOf(side, 'perSecond')
    const cpu = valuesOf(side, 'cpuMicros')
    const toFirst = (mine: readonly number[], name: 'perSecond' | 'cpuMicros') =>
      first && index > 0 ? told(ratios(mine, valuesOf(first, name)), 2) : ''
    return row(
      head,
      side.name,
      `${amount(spreadOf(speed).median)} ${unit}`,
      toFirst(speed, 'perSecond'),
      amount(spreadOf(cpu).median),
      toFirst(cpu, 'cpuMicros'),
      spreadOf(valuesOf(side, 'p50')).median.toFixed(2),
      spreadOf(valuesOf(side, 'p99')).median.toFixed(1),
      megabytes(side.residentBytes),
    )
  })
}

export function valuesOf(
  side: SideResult,
  name: 'perSecond' | 'cpuMicros' | 'p50' | 'p99',
): number[] {
  return side.rounds.map((round) => round[name])
}

function disturbanceRows({ title, goal, sides }: Result & { kind: 'disturbance' }): string[] {
  return sides.map((side, index) =>
    row(
      index === 0 ? `${title}${goal ? ` (${goal})` : ''}` : '',
      side.name,
      tailsOf(side, 'calm'),
      tailsOf(side, 'disturbed'),
      `${megabytes(side.calmBytes)}, ${megabytes(side.disturbedBytes)}`,
    ),
  )
}

export function tailOf(side: DisturbedSide, when: 'calm' | 'disturbed', name: keyof Tail): Spread {
  return spreadOf(side.rounds.map((round) => round[when][name]))
}

function tailsOf(side: DisturbedSide, when: 'calm' | 'disturbed'): string {
  const names = ['p50', 'p99', 'p999'] as const
  return names.map((name) => tailOf(side, when, name).median.toFixed(1)).join(' / ')
}

function startRows({ sides }: Result & { kind: 'start' }): string[] {
  const [first] = sides
  const values = (side: StartedSide, name: 'milliseconds' | 'residentBytes') =>
    side.rounds.map((round) => round[name])
  return sides.map((side) => {
    const toFirst = (name: 'milliseconds' | 'residentBytes') =>
      first && side !== first ? told(ratios(values(side, name), values(first, name)), 2) : ''
    return row(
      side.name,
      spreadOf(values(side, 'milliseconds')).median.toFixed(0),
      toFirst('milliseconds'),
      megabytes(spreadOf(values(side, 'residentBytes')).median),
      toFirst('residentBytes'),
    )
  })
}

const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`

function told({ median, least, most }: Spread, digits: number): string {
  return `**${median.toFixed(digits)}** (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

/** Three digits that mean something. */
function amount(value: number): string {
  return value < 100 ? value.toPrecision(3) : Math.round(value).toLocaleString('en')
}
