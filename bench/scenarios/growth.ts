import type { Comparison } from '../frame/scenario.ts'
import { calls, freddy, rotations, WARM } from './sides.ts'

const FEW = 10_000
const MILLION = 1_000_000

/** What was there before grows; what is asked stays. */
export function growth(others: readonly number[] = [FEW, MILLION]): Comparison[] {
  const about = { goal: 'P11: 0.92 for reads, 0.88 for writes', connections: 32 } as const
  const named = (count: number) => `with ${count.toLocaleString('en')} sessions`
  return [
    {
      ...about,
      name: 'growth-reads',
      title: 'A call with a token met for the first time, as sessions grow',
      unit: 'calls',
      sides: others.map((count) =>
        freddy(named(count), { sessions: FEW, others: count }, ({ accessTokens }) =>
          calls(accessTokens),
        ),
      ),
    },
    {
      ...about,
      name: 'growth-writes',
      title: 'A new refresh token each time, as sessions grow',
      unit: 'rotations',
      sides: others.map((count) =>
        freddy(named(count), { sessions: WARM, others: count }, ({ refreshTokens }) =>
          rotations(refreshTokens),
        ),
      ),
    },
  ]
}
