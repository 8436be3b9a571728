import type { Outcome } from './generator.ts'
import { aimLoad, type Load } from './load.ts'
import { type Comparison, crowdOf, type Setting, type Side } from './scenario.ts'
import type { Subject } from './subject.ts'

export interface Pace {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** One side in one round. */
export interface Measured {
  readonly perSecond: number
  /** Of the server, for one piece of work. */
  readonly cpuMicros: number
  readonly p50: number
  readonly p99: number
  /** Until the first byte of the body. */
  readonly firstByte: number
  /** Told to come again, of all. */
  readonly turnedAway: number
  /** Of who asks: where it comes near the time of one answer, the server waits for it. */
  readonly askingCpuMicros: number
}

export interface SideResult {
  readonly name: string
  readonly rounds: readonly Measured[]
  readonly residentBytes: number
}

interface Running {
  readonly name: string
  readonly subject: Subject
  readonly behind: readonly Subject[]
  readonly load: Load
  readonly rounds: Measured[]
}

/** All sides in turn, round after round: what disturbs the machine disturbs all of them alike. */
export async function compare(
  comparison: Comparison,
  setting: Setting,
  pace: Pace,
): Promise<SideResult[]> {
  const running: Running[] = []
  try {
    for (const side of comparison.sides) running.push(await start(side, comparison, setting))
    for (const each of running) await measure(each, pace.warmUpSeconds)
    for (let round = 0; round < pace.rounds; round++) {
      const order = round % 2 ? running.toReversed() : running
      for (const each of order) each.rounds.push(await measure(each, pace.seconds))
    }
    const results: SideResult[] = []
    for (const { name, subject, rounds } of running) {
      results.push({ name, rounds, residentBytes: (await subject.spent()).residentBytes })
    }
    return results
  } finally {
    for (const { load, subject, behind } of running) {
      for (const each of [load, subject, ...behind]) await each.end()
    }
  }
}

async function start(side: Side, comparison: Comparison, setting: Setting): Promise<Running> {
  const connections = crowdOf(comparison.connections, setting)
  const { subject, flow, behind = [] } = await side.open(setting)
  const load = await aimLoad({ port: subject.port, connections, flow })
  return { name: side.name, subject, behind, load, rounds: [] }
}

async function measure({ name, subject, load }: Running, seconds: number): Promise<Measured> {
  const before = await subject.spent()
  const outcome = requireRight(name, await load.run({ seconds }))
  const after = await subject.spent()
  return {
    perSecond: outcome.done / outcome.seconds,
    cpuMicros: (after.cpuMicros - before.cpuMicros) / outcome.done,
    p50: outcome.p50,
    p99: outcome.p99,
    firstByte: outcome.firstByteP50,
    turnedAway: outcome.turnedAway / (outcome.done + outcome.turnedAway),
    askingCpuMicros: outcome.cpuMicros,
  }
}

/** A run with one wrong answer says nothing. */
export function requireRight(name: string, outcome: Outcome): Outcome {
  const { done, wrong, firstWrong } = outcome
  if (wrong === 0 && done > 0) return outcome
  throw new Error(`${name}: ${wrong} wrong answers, ${done} right ones; the first: ${firstWrong}`)
}
