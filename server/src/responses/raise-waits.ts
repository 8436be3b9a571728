import { setTimeout as pause } from 'node:timers/promises'
import { mayUse, type Principal, requireModel, requireStillAllowed } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import type { Soon } from '../soon.ts'
import { reachedIn } from './caps.ts'
import { type Spending, spenderOf, standing } from './ledger.ts'

const LOOK_EVERY_MS = 1000
const MOST_SECONDS = 60
/** In all, and of one person; and what their bodies may take of memory together. */
const MOST_CALLS = 100
const MOST_CALLS_OF_ONE = 5
const MOST_BYTES = 64 * 1024 * 1024

/** The calls of this process that wait until their owner allows more. */
export interface RaiseWaits {
  /** Null when there is no room; else call it to leave. */
  enter(userId: string, bytes: number): (() => void) | null
  /** Aborted when the server stops: nobody waits on. */
  readonly stopped: AbortSignal
  stop(): void
}

export function createRaiseWaits(): RaiseWaits {
  const stopping = new AbortController()
  const waiting = new Set<{ userId: string; bytes: number }>()
  return {
    stopped: stopping.signal,
    stop: () => stopping.abort(),
    enter(userId, bytes) {
      const ofOne = [...waiting].filter((each) => each.userId === userId).length
      const held = [...waiting].reduce((sum, each) => sum + each.bytes, bytes)
      const isFull = waiting.size >= MOST_CALLS || ofOne >= MOST_CALLS_OF_ONE || held > MOST_BYTES
      if (isFull || stopping.signal.aborted) return null
      const mine = { userId, bytes }
      waiting.add(mine)
      return () => waiting.delete(mine)
    },
  }
}

/** What a call goes on with, and when. */
interface Awaited {
  readonly spending: Spending
  readonly now: number
}

/**
 * A call whose key has spent what it may waits for its owner to allow more, when its caller said so: `Prefer: wait=30`
 * (RFC 7240). Whoever may not wait, or has waited long enough, goes on and is refused. What its owner changed about the
 * key meanwhile holds.
 */
export function waitForRaise(
  call: Call<unknown, unknown, unknown>,
  spending: Spending,
): Soon<Awaited> {
  const { prefer } = call.carried.headers
  const seconds = prefer === undefined ? 0 : secondsIn(prefer)
  return seconds === 0 ? { spending, now: call.now } : waitFor(call, spending, seconds)
}

async function waitFor(
  call: Call<unknown, unknown, unknown>,
  spending: Spending,
  seconds: number,
): Promise<Awaited> {
  const { app, carried, headers, now } = call
  if (!(await isRaisable(call, spending))) return { spending, now }
  const leave = app.raiseWaits.enter(spending.userId, carried.bytes.length)
  if (!leave) return { spending, now }
  headers['preference-applied'] = `wait=${seconds}`
  try {
    return { spending: await untilRaised(call, spending, seconds * 1000), now: app.now() }
  } finally {
    leave()
  }
}

/** It looks so many times, and asks no clock. Throws when its caller may call no longer. */
async function untilRaised(
  call: Call<unknown, unknown, unknown>,
  spending: Spending,
  ms: number,
): Promise<Spending> {
  const { app, carried, requestId } = call
  let latest = spending
  const signal = AbortSignal.any([carried.left(), app.raiseWaits.stopped])
  for (let waited = 0; waited < ms && !signal.aborted; waited += LOOK_EVERY_MS) {
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    const caller = await requireStillAllowed(call, app.now())
    requireSameModel(call.principal, caller, spending.model)
    latest = { ...spending, ...spenderOf({ principal: caller, requestId }) }
    if (!(await isRaisable({ app }, latest))) break
  }
  return latest
}

/** The built-in model is not asked for by its own name, and was no key's before. */
function requireSameModel(before: Principal | null, now: Principal | null, model: string): void {
  if (mayUse(before, model)) requireModel(now, model)
}

/** Whether a limit is reached that the owner of the key can raise. */
async function isRaisable({ app }: Pick<Call, 'app'>, spending: Spending): Promise<boolean> {
  if (app.usage.holds(spending.userId)) await app.usage.flush()
  const reached = reachedIn(await standing(app, spending, app.now()))
  return reached !== null && reached.level !== 'person'
}

/** Whole seconds, a minute at most; 0 when the caller said nothing of waiting. */
function secondsIn(prefer: string | readonly string[]): number {
  const [, seconds = '0'] =
    /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(String(prefer)) ?? []
  return Math.min(Number(seconds), MOST_SECONDS)
}
