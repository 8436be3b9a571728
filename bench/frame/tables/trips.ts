import type { ResultOf } from '../result.ts'
import { spreadOf } from '../statistics.ts'
import { row } from './cells.ts'

export function tableOfTrips(results: readonly ResultOf<'trips'>[]): string[] {
  return [
    '| Work | goal | round trips before the answer | least to most |',
    '|---|---|---|---|',
    ...results.flatMap(({ sides }) =>
      sides.map(({ name, goal, rounds }) => {
        const { median, least, most } = spreadOf(rounds)
        return row(name, goal ?? '', `**${median}**`, `${least} to ${most}`)
      }),
    ),
  ]
}
