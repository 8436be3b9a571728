import { setTimeout as wait } from 'node:timers/promises'
import { type Pace, requireRight } from './compare.ts'
import { aimLoad, type Load } from './load.ts'
import { crowdOf, type Disturbance, type Setting } from './scenario.ts'
import type { Subject } from './subject.ts'

/** Milliseconds from the moment at which a call was due. */
export interface Tail {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Calls at a steady rate, then as many as there are answers for; each without anybody in the way and with. */
export interface DisturbedRound {
  readonly calm: Tail
  readonly disturbed: Tail
  readonly calmPerSecond: number
  readonly disturbedPerSecond: number
}

export interface DisturbedSide {
  readonly name: string
  /** Calls a second of the steady rate. */
  readonly rate: number
  readonly rounds: readonly DisturbedRound[]
  readonly calmBytes: number
  /** The most that was seen meanwhile. */
  readonly disturbedBytes: number
}

const STEADY_CONNECTIONS = 32
/** Of what a side can at most: above that a calm tail is that of a queue. */
const EASE = 0.5
const LEAST_RATE = 50
const LOOK_EVERY_MS = 100

interface Scene {
  readonly name: string
  readonly subject: Subject
  readonly steady: Load
  readonly others: Load
}

/** One side after the other: two floods would meet. */
export async function disturb(
  disturbance: Disturbance,
  setting: Setting,
  pace: Pace,
): Promise<DisturbedSide[]> {
  const results: DisturbedSide[] = []
  for (const { name, open } of disturbance.sides) {
    const { subject, flow, inTheWay } = await open(setting)
    const { port } = subject
    const steady = await aimLoad({ port, flow, connections: crowdOf(STEADY_CONNECTIONS, setting) })
    const others = await aimLoad({
      port,
      flow: inTheWay,
      connections: crowdOf(disturbance.disturbers, setting),
    })
    try {
      results.push(await disturbOne({ name, subject, steady, others }, disturbance.rate, pace))
    } finally {
      for (const each of [steady, others, subject]) await each.end()
    }
  }
  return results
}

async function disturbOne(scene: Scene, wished: number, pace: Pace): Promise<DisturbedSide> {
  const { name, subject, steady } = scene
  const { seconds, warmUpSeconds, rounds: count } = pace
  const rate = rateFor(await saturate(scene, warmUpSeconds), wished)
  const probe = async () => {
    const { p50, p99, p999 } = requireRight(name, await steady.run({ seconds, rate }))
    return { p50, p99, p999 }
  }
  const calmBytes = (await subject.spent()).residentBytes
  const rounds: DisturbedRound[] = []
  const bytes: number[] = []
  for (let round = 0; round < count; round++) {
    const calm = await probe()
    const disturbed = await meanwhile(scene, seconds, bytes, probe)
    const calmPerSecond = await saturate(scene, seconds)
    const disturbedPerSecond = await meanwhile(scene, seconds, bytes, () =>
      saturate(scene, seconds),
    )
    rounds.push({ calm, disturbed, calmPerSecond, disturbedPerSecond })
  }
  const disturbedBytes = Math.max(...bytes)
  return { name, rate, rounds, calmBytes, disturbedBytes }
}

/** As many as it can in a closed loop. */
async function saturate({ name, steady }: Scene, seconds: number): Promise<number> {
  const outcome = requireRight(name, await steady.run({ seconds }))
  return outcome.done / outcome.seconds
}

/** The wished rate, or what a slower side or machine answers with ease, in fifties. */
function rateFor(most: number, wished: number): number {
  const easy = Math.floor((most * EASE) / LEAST_RATE) * LEAST_RATE
  return Math.max(LEAST_RATE, Math.min(wished, easy))
}

/** Does it while the others do what they do, whose answers are checked as well; looks at the memory all the time. */
async function meanwhile<Found>(
  { name, subject, others }: Scene,
  seconds: number,
  bytes: number[],
  work: () => Promise<Found>,
): Promise<Found> {
  const way = others.run({ seconds })
  const found = work()
  const over = Promise.allSettled([way, found]).then(() => true as const)
  do bytes.push((await subject.spent()).residentBytes)
  while (!(await Promise.race([over, wait(LOOK_EVERY_MS)])))
  requireRight(`${name}, in the way`, await way)
  return found
}
