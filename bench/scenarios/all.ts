import { compare, type Pace } from '../frame/compare.ts'
import { disturb } from '../frame/disturb.ts'
import type { EndedSide } from '../frame/end.ts'
import { describeMachine } from '../frame/machine.ts'
import type { Result } from '../frame/result.ts'
import type { Comparison, Disturbance, Setting, Side } from '../frame/scenario.ts'
import { measureStarts } from '../frame/start.ts'
import { comparisons } from './comparisons.ts'
import { disturbances } from './disturbances.ts'
import { countRoundTrips } from './round-trips.ts'
import { endScenes } from './sign-outs.ts'
import { starts } from './starts.ts'

/** One thing that the bench measures, and how. */
export interface Scenario {
  readonly name: string
  measure(setting: Setting, pace: Pace): Promise<Result>
}

export interface Wish {
  /** Whose sides are measured. */
  wants(side: Pick<Side, 'name' | 'isPeer' | 'isOnPostgres'>): boolean
  /** Sizes that growth goes through. */
  readonly others?: readonly number[]
}

export function scenarios(wish: Wish): Scenario[] {
  return [
    ...comparisons(wish.others).map((comparison) => compared(comparison, wish)),
    ...disturbances.map((disturbance) => disturbed(disturbance, wish)),
    ...(wish.wants({ name: 'round-trips', isOnPostgres: true }) ? [roundTrips] : []),
    signedOut(wish),
    started(wish),
  ]
}

function compared(comparison: Comparison, { wants }: Wish): Scenario {
  const { name, title, goal, unit } = comparison
  const mine = { ...comparison, sides: comparison.sides.filter(wants) }
  return {
    name,
    async measure(setting, pace) {
      const about = { name, title, ...(goal ? { goal } : {}), machine: describeMachine(), pace }
      return { kind: 'comparison', ...about, unit, sides: await compare(mine, setting, pace) }
    },
  }
}

function disturbed(disturbance: Disturbance, { wants }: Wish): Scenario {
  const { name, title, goal = '', mayHoldMore } = disturbance
  const mine = { ...disturbance, sides: disturbance.sides.filter(wants) }
  return {
    name,
    async measure(setting, pace) {
      const about = { name, title, goal, machine: describeMachine(), pace }
      const memory = mayHoldMore ? { mayHoldMore } : {}
      return { kind: 'disturbance', ...about, ...memory, sides: await disturb(mine, setting, pace) }
    },
  }
}

const roundTrips: Scenario = {
  name: 'round-trips',
  async measure(setting, pace) {
    const title = 'Round trips to PostgreSQL'
    const goal =
      'P12: none for a call that is warm, 1 for a refresh, at most 2 for login and verify'
    const about = { name: 'round-trips', title, goal, machine: describeMachine(), pace }
    return { kind: 'trips', ...about, sides: await countRoundTrips(setting) }
  },
}

function signedOut({ wants }: Wish): Scenario {
  return {
    name: 'sign-out',
    async measure(setting, pace) {
      const title = 'From a sign-out to a refusal'
      const goal = 'P15: 0 on one node; p99 at most 1 s over nodes; closed when the feed is lost'
      const about = { name: 'sign-out', title, goal, machine: describeMachine(), pace }
      const sides: EndedSide[] = []
      for (const { name, goal, measure } of endScenes.filter(wants)) {
        sides.push({ name, goal, ...(await measure(setting)) })
      }
      return { kind: 'sign-out', ...about, sides }
    },
  }
}

function started({ wants }: Wish): Scenario {
  return {
    name: 'start',
    async measure({ share }, pace) {
      const goal = 'P14: 1.4 times Fastify, 1.35 times its memory'
      const about = { name: 'start', title: 'A start', goal, machine: describeMachine(), pace }
      const sides = await measureStarts(starts.filter(wants), pace.rounds, share)
      return { kind: 'start', ...about, sides }
    },
  }
}
