import type { SideResult } from '../compare.ts'
import type { ResultOf } from '../result.ts'
import { ratios, spreadOf } from '../statistics.ts'
import { amount, headOf, megabytes, row, toldRatio } from './cells.ts'

export function tableOfComparisons(results: readonly ResultOf<'comparison'>[]): string[] {
  return [
    '| Work | Who | each second | of the first | CPU of the server, µs each | of the first | p50, ms | p99, ms | MB |',
    '|---|---|---|---|---|---|---|---|---|',
    ...results.flatMap(rowsOf),
  ]
}

function rowsOf(result: ResultOf<'comparison'>): string[] {
  const { sides, unit } = result
  const [first] = sides
  return sides.map((side, index) => {
    const speed = valuesOf(side, 'perSecond')
    const cpu = valuesOf(side, 'cpuMicros')
    const toFirst = (mine: readonly number[], name: 'perSecond' | 'cpuMicros') =>
      first && index > 0 ? toldRatio(ratios(mine, valuesOf(first, name))) : ''
    return row(
      headOf(result, index),
      side.name,
      `${amount(spreadOf(speed).median)} ${unit}${refusalsOf(side)}`,
      toFirst(speed, 'perSecond'),
      amount(spreadOf(cpu).median),
      toFirst(cpu, 'cpuMicros'),
      spreadOf(valuesOf(side, 'p50')).median.toFixed(2),
      spreadOf(valuesOf(side, 'p99')).median.toFixed(1),
      megabytes(side.residentBytes),
    )
  })
}

/** Only where there were any. */
function refusalsOf({ rounds }: SideResult): string {
  const { median } = spreadOf(rounds.map(({ turnedAway = 0 }) => turnedAway))
  return median ? ` (${(median * 100).toFixed(1)} % turned away)` : ''
}

export function valuesOf(
  side: SideResult,
  name: 'perSecond' | 'cpuMicros' | 'p50' | 'p99',
): number[] {
  return side.rounds.map((round) => round[name])
}
