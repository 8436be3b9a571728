import { type Pace, requireRight } from './compare.ts'
import { aimLoad } from './load.ts'
import type { Disturbance, Setting } from './scenario.ts'

/** Milliseconds from the moment at which a call was due. */
export interface Tail {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export interface DisturbedSide {
  readonly name: string
  readonly rounds: readonly { readonly calm: Tail; readonly disturbed: Tail }[]
  readonly calmBytes: number
  readonly disturbedBytes: number
}

const STEADY_CONNECTIONS = 32

/** Without anybody in the way and with, in turn. One side after the other: two floods would meet. */
export async function disturb(
  { sides, rate, disturbers }: Disturbance,
  setting: Setting,
  pace: Pace,
): Promise<DisturbedSide[]> {
  const results: DisturbedSide[] = []
  for (const side of sides) {
    const { subject, flow, inTheWay } = await side.open(setting)
    const { port } = subject
    const steady = await aimLoad({ port, flow, connections: STEADY_CONNECTIONS })
    const others = await aimLoad({ port, flow: inTheWay, connections: disturbers })
    const probe = async (seconds: number) => {
      const { p50, p99, p999 } = requireRight(side.name, await steady.run({ seconds, rate }))
      return { p50, p99, p999 }
    }
    try {
      await probe(pace.warmUpSeconds)
      const calmBytes = (await subject.spent()).residentBytes
      const rounds: { calm: Tail; disturbed: Tail }[] = []
      for (let round = 0; round < pace.rounds; round++) {
        const calm = await probe(pace.seconds)
        const way = others.run({ seconds: pace.seconds })
        const disturbed = await probe(pace.seconds)
        await way
        rounds.push({ calm, disturbed })
      }
      const disturbedBytes = (await subject.spent()).residentBytes
      results.push({ name: side.name, rounds, calmBytes, disturbedBytes })
    } finally {
      for (const each of [steady, others, subject]) await each.end()
    }
  }
  return results
}
