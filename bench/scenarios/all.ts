import { compare, type Pace } from '../frame/compare.ts'
import { disturb } from '../frame/disturb.ts'
import { describeMachine } from '../frame/machine.ts'
import type { Result } from '../frame/result.ts'
import type { Setting, Side } from '../frame/scenario.ts'
import { measureStarts } from '../frame/start.ts'
import { comparisons, growth } from './comparisons.ts'
import { disturbances } from './disturbances.ts'
import { starts } from './starts.ts'

/** One thing that the bench measures, and how. */
export interface Scenario {
  readonly name: string
  measure(setting: Setting, pace: Pace): Promise<Result>
}

export interface Wish {
  /** Whose sides are measured. */
  wants(side: Pick<Side, 'isPeer' | 'isOnPostgres'>): boolean
  /** Sizes that growth goes through. */
  readonly others?: readonly number[]
}

export function scenarios(wish: Wish): Scenario[] {
  const wanted = wish.wants
  return [
    ...[...comparisons, ...growth(wish.others)].map((comparison): Scenario => {
      const { name, title, goal, unit } = comparison
      const mine = { ...comparison, sides: comparison.sides.filter(wanted) }
      return {
        name,
        async measure(setting, pace) {
          const machine = describeMachine()
          const sides = await compare(mine, setting, pace)
          const about = { name, title, ...(goal ? { goal } : {}), unit, machine, pace }
          return { kind: 'comparison', ...about, sides }
        },
      }
    }),
    ...disturbances.map((disturbance): Scenario => {
      const { name, title, goal = '' } = disturbance
      const mine = { ...disturbance, sides: disturbance.sides.filter(wanted) }
      return {
        name,
        async measure(setting, pace) {
          const machine = describeMachine()
          const sides = await disturb(mine, setting, pace)
          return { kind: 'disturbance', name, title, goal, machine, pace, sides }
        },
      }
    }),
    {
      name: 'start',
      async measure(_setting, pace) {
        const machine = describeMachine()
        const sides = await measureStarts(starts.filter(wanted), pace.rounds)
        const goal = 'P14: 1.4 times Fastify, 1.35 times its memory'
        return { kind: 'start', name: 'start', title: 'A start', goal, machine, pace, sides }
      },
    },
  ]
}
