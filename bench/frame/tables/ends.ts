import type { ResultOf } from '../result.ts'
import { row } from './cells.ts'

export function tableOfEnds(results: readonly ResultOf<'sign-out'>[]): string[] {
  return [
    '| Where | goal | sign-outs | calls let in after them | p50, ms | p99, ms | most, ms |',
    '|---|---|---|---|---|---|---|',
    ...results.flatMap(({ sides }) =>
      sides.map(({ name, goal, rounds, letIn }) => {
        const sorted = rounds.toSorted((one, other) => one - other)
        const at = (share: number) =>
          (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
        return row(name, goal, `${sorted.length}`, `${letIn}`, at(0.5), at(0.99), at(1))
      }),
    ),
  ]
}
