import type { Result, ResultOf } from './result.ts'
import { tableOfComparisons } from './tables/comparisons.ts'
import { tableOfDisturbances } from './tables/disturbances.ts'
import { tableOfEnds } from './tables/ends.ts'
import { tableOfStarts } from './tables/starts.ts'
import { tableOfTrips } from './tables/trips.ts'

const trips = [
  'Counted on the road between our server and PostgreSQL, one caller who waits for each answer: as often as the server speaks after the database did.',
  'Statements that go out together on one connection are one trip, on several as many; what the server does of its own accord meanwhile is counted too.',
]
const ends = [
  'From the answer to a sign-out until no call with its token is answered any more: milliseconds to the last call that still was.',
  "All of the token's calls come from one caller who asks again at once.",
]

/** What was found, in words: a table for each kind, where there is something of it, and how they came about. */
export function writeTables(results: readonly Result[]): string {
  const of = <Kind extends Result['kind']>(kind: Kind) =>
    results.filter((result): result is ResultOf<Kind> => result.kind === kind)
  const part = (kind: Result['kind'], ...lines: readonly string[]) =>
    of(kind).length ? [...lines, ''] : []
  return [
    '# What was measured',
    '',
    'Written by `npm run bench`; what each number means and where the time goes stands in `bench/README.md`.',
    'A ratio is taken within each round, to the first line of its group; the median stands with the smallest and the largest.',
    '',
    ...machineOf(results),
    '',
    ...part(
      'comparison',
      '![Pieces of work a second, to the first of each group](speed.svg)',
      '',
      ...tableOfComparisons(of('comparison')),
    ),
    ...part(
      'disturbance',
      '## Calls while somebody is in the way',
      '',
      'At a fixed rate, a time counts from the moment at which its call was due; a side that cannot answer twice as many is asked less.',
      'Then as many as are answered, without and with somebody in the way.',
      '',
      '![p99 of calls, calm and disturbed](tails.svg)',
      '',
      ...tableOfDisturbances(of('disturbance')),
    ),
    ...part(
      'trips',
      '## Round trips to PostgreSQL',
      '',
      ...trips,
      '',
      ...tableOfTrips(of('trips')),
    ),
    ...part(
      'sign-out',
      '## From a sign-out to a refusal',
      '',
      ...ends,
      '',
      ...tableOfEnds(of('sign-out')),
    ),
    ...part(
      'start',
      '## From the start to the first answer, and memory when nobody asks',
      '',
      ...tableOfStarts(of('start')),
    ),
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
  const days = results.map(({ machine: { at } }) => at.slice(0, 10)).toSorted()
  const when = [...new Set([days[0], days.at(-1)])].join(' to ')
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ${machine.system}, Node ${machine.node}; ${packages.join(', ')}.`,
    `${when}; ${pace.rounds} rounds of ${pace.seconds} s for each side after ${pace.warmUpSeconds} s of warming up. Who asks runs on the same cores.`,
    `Load of the machine before each: ${least} to ${most}.`,
    ...(results.some((result) => result.machine.isDiskSlow)
      ? [
          'Each fsync and fdatasync takes 2 ms more (`BENCH_SLOW_DISK=1`), of the servers and of PostgreSQL.',
        ]
      : []),
  ]
}
