import type { DisturbedSide, Tail } from '../disturb.ts'
import type { ResultOf } from '../result.ts'
import { ratios, type Spread, spreadOf } from '../statistics.ts'
import { amount, headOf, megabytes, row, toldRatio } from './cells.ts'

export function tableOfDisturbances(results: readonly ResultOf<'disturbance'>[]): string[] {
  return [
    '| Work | Who | asked each second | p50 / p99 / p99.9 calm, ms | disturbed, ms | p99 more, ms | at most each second, calm | of that disturbed | MB calm | MB at most disturbed |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...results.flatMap(rowsOf),
  ]
}

function rowsOf(result: ResultOf<'disturbance'>): string[] {
  const { sides, mayHoldMore } = result
  return sides.map((side, index) => {
    const calm = side.rounds.map(({ calmPerSecond }) => calmPerSecond)
    const disturbed = side.rounds.map(({ disturbedPerSecond }) => disturbedPerSecond)
    const goal = mayHoldMore ? ` (goal ${megabytes(side.calmBytes + mayHoldMore)})` : ''
    return row(
      headOf(result, index),
      side.name,
      amount(side.rate),
      tailsOf(side, 'calm'),
      tailsOf(side, 'disturbed'),
      more(side),
      amount(spreadOf(calm).median),
      toldRatio(ratios(disturbed, calm)),
      megabytes(side.calmBytes),
      `${megabytes(side.disturbedBytes)}${goal}`,
    )
  })
}

export function tailOf(side: DisturbedSide, when: 'calm' | 'disturbed', name: keyof Tail): Spread {
  return spreadOf(side.rounds.map((round) => round[when][name]))
}

function tailsOf(side: DisturbedSide, when: 'calm' | 'disturbed'): string {
  const names = ['p50', 'p99', 'p999'] as const
  return names.map((name) => tailOf(side, when, name).median.toFixed(1)).join(' / ')
}

/** Within each round, as every ratio is. */
function more({ rounds }: DisturbedSide): string {
  const { median, least, most } = spreadOf(
    rounds.map(({ calm, disturbed }) => disturbed.p99 - calm.p99),
  )
  return `**${median.toFixed(1)}** (${least.toFixed(1)} to ${most.toFixed(1)})`
}
