import { createHash } from 'node:crypto'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The pauses between tries: with the last of them an event was tried for a day, and is given up. */
const pauses = [
  5000,
  30_000,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  8 * HOUR,
]
/** By how much a pause is longer at most, so that what failed together does not come again together. */
const JITTER = 0.2

/** An endpoint that fails so often in a row is left alone for a while, whoever waits. */
const FAILS_BEFORE_REST = 5
const REST_STEP_MS = 2000
const LONGEST_REST_MS = 60_000

/** An endpoint that took nothing for so long, and failed so often, is paused. */
const PAUSE_AFTER_MS = 48 * HOUR
const FAILS_BEFORE_PAUSE = 20

/** When to try again after so many tries; null when it is given up. */
export function nextTry(eventId: string, tries: number, now: number): number | null {
  const pause = pauses[tries - 1]
  if (pause === undefined) return null
  const [byte = 0] = createHash('sha256').update(`${eventId} ${tries}`).digest()
  return now + Math.round(pause * (1 + (JITTER * byte) / 255))
}

export function restUntil(failures: number, now: number): number | null {
  if (failures < FAILS_BEFORE_REST) return null
  return now + Math.min(LONGEST_REST_MS, REST_STEP_MS * (failures - FAILS_BEFORE_REST + 1))
}

export function isDead(failures: number, failingSince: number | null, now: number): boolean {
  const isLong = failingSince !== null && failingSince <= now - PAUSE_AFTER_MS
  return isLong && failures >= FAILS_BEFORE_PAUSE
}
