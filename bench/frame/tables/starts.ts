import type { ResultOf } from '../result.ts'
import type { StartedSide } from '../start.ts'
import { ratios, spreadOf } from '../statistics.ts'
import { megabytes, row, toldRatio } from './cells.ts'

export function tableOfStarts(results: readonly ResultOf<'start'>[]): string[] {
  return [
    '| Who | first answer, ms | of the first | MB | of the first |',
    '|---|---|---|---|---|',
    ...results.flatMap(rowsOf),
  ]
}

function rowsOf({ sides }: ResultOf<'start'>): string[] {
  const [first] = sides
  const values = (side: StartedSide, name: 'milliseconds' | 'residentBytes') =>
    side.rounds.map((round) => round[name])
  return sides.map((side) => {
    const toFirst = (name: 'milliseconds' | 'residentBytes') =>
      first && side !== first ? toldRatio(ratios(values(side, name), values(first, name))) : ''
    return row(
      side.name,
      spreadOf(values(side, 'milliseconds')).median.toFixed(0),
      toFirst('milliseconds'),
      megabytes(spreadOf(values(side, 'residentBytes')).median),
      toFirst('residentBytes'),
    )
  })
}
