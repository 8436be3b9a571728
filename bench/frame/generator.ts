import { type Answer, type Connection, openConnection } from './connection.ts'
import { type Begin, beginning, type Flow, type Step, Wrong } from './flows.ts'

/*
 * A process of its own that asks: in a closed loop, where every connection asks again as soon as it was answered, or at
 * a fixed rate, where the time of an answer counts from the moment at which its request was due.
 */

export interface Aim {
  /** This machine without it. */
  readonly host?: string
  readonly port: number
  readonly connections: number
  readonly flow: Flow
}

export interface Run {
  readonly seconds: number
  /** Requests a second; without it a closed loop. */
  readonly rate?: number
}

export interface Outcome {
  /** Pieces of work that were done. */
  readonly done: number
  readonly wrong: number
  readonly firstWrong: string | null
  /** Told to come again, where that is right. */
  readonly turnedAway: number
  readonly seconds: number
  /** What this process itself took for each of them. */
  readonly cpuMicros: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Until the first byte of a body. */
  readonly firstByteP50: number
}

interface Tally {
  readonly times: number[]
  readonly firstBytes: number[]
  wrong: number
  turnedAway: number
  firstWrong: string | null
}

let connections: Connection[] = []
let begin: Begin = () => {
  throw new Error('nothing to ask for')
}

process.on('message', async (message: { aim?: Aim; run?: Run }) => {
  if (message.aim) {
    const { host, port, connections: count, flow } = message.aim
    connections = Array.from({ length: count }, () => openConnection(port, host))
    begin = beginning(flow)
    process.send?.({ aimed: true })
  }
  if (message.run) process.send?.({ outcome: await ask(message.run) })
})
process.on('disconnect', () => process.exit(0))

async function ask({ seconds, rate }: Run): Promise<Outcome> {
  const tally: Tally = { times: [], firstBytes: [], wrong: 0, turnedAway: 0, firstWrong: null }
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const until = begun + seconds * 1000
  if (rate) await askAtRate(tally, until, rate)
  else await Promise.all(connections.map((_, index) => askInTurn(tally, index, until)))
  const took = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return describe(tally, took, (user + system) / Math.max(1, tally.times.length))
}

/** One connection asks until the time is over; what is under way then is still answered and counted. */
function askInTurn(tally: Tally, index: number, until: number): Promise<void> {
  return new Promise((resolve) => {
    const again = () => {
      const now = performance.now()
      if (now >= until) return resolve()
      return work(tally, index, now, again)
    }
    again()
  })
}

/** Whoever finds no free connection when it is due waits, and its time goes on. */
function askAtRate(tally: Tally, until: number, rate: number): Promise<void> {
  return new Promise((resolve) => {
    const begun = performance.now()
    const free = connections.map((_, index) => index)
    const due: number[] = []
    let made = 0
    const serve = () => {
      while (due.length && free.length) {
        const index = free.pop() ?? 0
        work(tally, index, due.shift() ?? 0, () => {
          free.push(index)
          serve()
        })
      }
    }
    const tick = () => {
      const now = performance.now()
      for (; made < ((now - begun) * rate) / 1000 && now < until; made++) {
        due.push(begun + (made * 1000) / rate)
      }
      serve()
      if (now < until || free.length < connections.length) setTimeout(tick, 1)
      else resolve()
    }
    tick()
  })
}

/** A piece of work: a request, and those that follow from its answer. */
function work(tally: Tally, index: number, since: number, ended: () => void): void {
  const connection = connections[index]
  const take = (step: Step) => connection?.ask(step.request, (answer) => hear(step, answer))
  const hear = (step: Step, answer: Answer | null) => {
    try {
      if (!answer) throw new Wrong('the connection broke')
      const next = step.follow(answer)
      if (next === 'turned away') tally.turnedAway += 1
      else if (next) return take(next)
      else tally.times.push(performance.now() - since)
      if (!next) tally.firstBytes.push(answer.firstByteAt - since)
    } catch (cause) {
      tally.wrong += 1
      tally.firstWrong ??= cause instanceof Error ? cause.message : String(cause)
    }
    return ended()
  }
  take(begin(index))
}

function describe(tally: Tally, seconds: number, cpuMicros: number): Outcome {
  const sorted = Float64Array.from(tally.times).sort()
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  const firstBytes = Float64Array.from(tally.firstBytes).sort()
  return {
    done: sorted.length,
    wrong: tally.wrong,
    turnedAway: tally.turnedAway,
    firstWrong: tally.firstWrong,
    seconds,
    cpuMicros,
    p50: at(0.5) ?? 0,
    p99: at(0.99) ?? 0,
    p999: at(0.999) ?? 0,
    firstByteP50: firstBytes[Math.floor(firstBytes.length / 2)] ?? 0,
  }
}
