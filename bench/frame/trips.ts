import { setTimeout as wait } from 'node:timers/promises'
import { type Connection, openConnection } from './connection.ts'
import { beginning, type Flow, type Step } from './flows.ts'
import type { Road } from './road.ts'

/** Work whose trips to the database are counted, step by step. */
export interface Journey {
  readonly flow: Flow
  /** Of each of its requests. */
  readonly steps: readonly { readonly name: string; readonly goal?: string }[]
}

export interface TripSide {
  readonly name: string
  readonly goal?: string
  /** Until the answer, each time. */
  readonly rounds: readonly number[]
}

/** When nothing went by for so long, what the server does after an answer is over, and not counted to the next. */
const QUIET_MS = 40
const MOST_LOOKS = 25

/** So many times each, one after the other. The first is not counted: it is who meets whom. */
export async function countTrips(
  port: number,
  road: Road,
  journeys: readonly Journey[],
  times: number,
): Promise<TripSide[]> {
  const connection = openConnection(port)
  const found: TripSide[] = []
  try {
    for (const { flow, steps } of journeys) {
      const begin = beginning(flow)
      await walk(connection, road, begin(0))
      const walks: number[][] = []
      for (let turn = 0; turn < times; turn++) walks.push(await walk(connection, road, begin(0)))
      for (const [index, step] of steps.entries()) {
        found.push({ ...step, rounds: walks.map((each) => each[index] ?? 0) })
      }
    }
    return found
  } finally {
    connection.close()
  }
}

/** A piece of work, and the trips of each of its steps. */
async function walk(connection: Connection, road: Road, first: Step): Promise<number[]> {
  const trips: number[] = []
  for (let step: ReturnType<Step['follow']> = first; step && step !== 'turned away'; ) {
    await untilQuiet(road)
    const before = road.trips()
    const answer = await connection.answerTo(step.request)
    trips.push(road.trips() - before)
    step = step.follow(answer)
  }
  return trips
}

async function untilQuiet(road: Road): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const before = road.trips()
    await wait(QUIET_MS)
    if (road.trips() === before) return
  }
}
