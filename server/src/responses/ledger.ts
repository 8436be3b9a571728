import { randomId, timedId } from '../auth/random.ts'
import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { type Soon, whenHere } from '../soon.ts'
import type { Amount, HoldRow, UsageRow } from '../store/ledger.ts'
import { type Payer, placesOf } from '../store/places.ts'
import { isCap, type Level, type SpendingLimits } from '../store/spending.ts'
import { limitsOf } from './allowance.ts'
import { exhausted } from './budget-refusal.ts'
import { capsIn, isCapped, reachedIn, type Standing, spellStandings, standingsOf } from './caps.ts'
import { noteReached } from './reached.ts'

export type { Amount } from '../store/ledger.ts'

/** Past the time that a call may take at all, whoever held something for it is gone. */
const LEASE_BEYOND_MS = 300_000
const MOST_AT_ONCE = 500

/** Who asks for what, before it is asked. */
export interface Spending {
  readonly requestId: string
  readonly userId: string
  /** Null for a person with a session. */
  readonly keyId: string | null
  /** What stands on the key. */
  readonly limits: SpendingLimits | null
  /** The key that made it, on whose counters it counts too. */
  readonly parent?: { readonly id: string; readonly limits: SpendingLimits } | null
  readonly model: string
  /** The most it can come to. */
  readonly most: Amount
}

/** A call whose price is still open. Settle it, abandon it or let it go, once. */
export interface Reservation {
  readonly spending: Spending
  readonly startedAt: number
  /** Null when the caller has no cap, so that nothing had to be held. */
  readonly held: HoldRow | null
  /** The limits that were looked at, as they stood. */
  readonly looked: readonly Standing[]
}

type At = { readonly app: App; readonly now: number }

/**
 * Holds the most that a call can come to on every level that it counts in, or on none. Without a cap nothing is
 * written. 402 when a cap is reached.
 */
export function reserve({ app, now }: At, spending: Spending): Soon<Reservation> {
  return whenHere(limitsOf(app, spending, now), (limits) => {
    if (isCapped(limits)) return hold({ app, now }, spending, limits)
    return { spending, startedAt: now, held: null, looked: none }
  })
}

async function hold(
  { app, now }: At,
  spending: Spending,
  limits: Readonly<Record<Level, SpendingLimits | null>>,
): Promise<Reservation> {
  const { userId } = spending
  const caps = capsIn(placesOf(payerOf(spending), now), limits)
  const row = holdOf(app, spending, now)
  // What is still to be written counts too, or a cap that was set a moment ago would not know of it.
  if (app.usage.holds(userId)) await app.usage.flush()
  let { held, rows } = await app.usage.reserve({ row, caps })
  if (!held && app.usage.holds(userId)) {
    // Others ended meanwhile: what they give back is room.
    await app.usage.flush()
    ;({ held, rows } = await app.usage.reserve({ row, caps }))
  }
  const looked = standingsOf(caps, rows)
  if (held) return { spending, startedAt: now, held: row, looked }
  throw refuse(app, spending, looked, now)
}

/** Who pays for a call. */
export function spenderOf({
  principal,
  requestId,
}: Pick<Call, 'principal' | 'requestId'>): Omit<Spending, 'model' | 'most'> {
  if (!principal) throw new ApiError('AUTHENTICATION_REQUIRED')
  const { userId } = principal
  if (principal.kind === 'signed-in') return { requestId, userId, keyId: null, limits: null }
  const { keyId, limits, parent } = principal
  return { requestId, userId, keyId, limits, parent }
}

/** Books what the upstream says it came to, and gives the rest back. */
export function settle(app: App, reservation: Reservation, used: Amount): Soon<void> {
  return book(app, reservation, used, { outcome: 'settled', reason: null })
}

/** Books an estimate for a call whose price nobody told: cut off, or failed half-way. */
export function abandon(app: App, reservation: Reservation, used: Amount): Soon<void> {
  return book(app, reservation, used, { outcome: 'estimated', reason: null })
}

/** Gives everything back: the model server answered nothing. */
export function letGo(app: App, reservation: Reservation, reason: string): Soon<void> {
  return book(app, reservation, nothing, { outcome: 'failed', reason })
}

/** Notes a call that its key was never allowed to make. */
export function noteRefusal(app: App, spending: Spending, reason: string, now: number): void {
  const usage = entry(spending, now, nothing, { outcome: 'refused', reason, looked: null })
  app.usage.add({ usage, parentId: null, hold: null })
}

/** Calls that a crash left open are booked at the most they could come to. */
export async function settleOverdue(app: App, now: number): Promise<void> {
  const bookings = (await app.store.ledger.listOverdue(now, MOST_AT_ONCE)).map((hold) => {
    const { lease_until: _, created_at: happened_at, parent_id, ...call } = hold
    const told = { outcome: 'estimated', reason: 'never settled', looked: null } as const
    const usage: UsageRow = { ...call, id: randomId('use_'), happened_at, ...told }
    return { usage, parentId: parent_id, hold }
  })
  if (bookings.length === 0) return
  await app.store.ledger.book({ id: timedId('grp_', now), formedAt: now, bookings })
}

/** How a person, or one key of theirs, stands now: the same counters that the next reservation looks at. */
export async function standing(
  app: App,
  caller: Pick<Spending, 'userId' | 'keyId' | 'limits' | 'parent'>,
  now: number,
): Promise<Standing[]> {
  const caps = capsIn(placesOf(payerOf(caller), now), await limitsOf(app, caller, now))
  return standingsOf(caps, await app.store.ledger.listSpending(caps))
}

/** How keys of a person stand, each by itself: all of their counters are read at once. */
export async function standingOfKeys(
  app: App,
  userId: string,
  keys: readonly (SpendingLimits & { readonly id: string })[],
  now: number,
): Promise<Standing[]> {
  const each = keys.map(async (limits) => {
    const caller = { userId, keyId: limits.id, limits }
    const caps = capsIn(placesOf(payerOf(caller), now), await limitsOf(app, caller, now))
    return caps.filter((cap) => cap.level === 'key' && isCap(cap))
  })
  const caps = (await Promise.all(each)).flat()
  return standingsOf(caps, await app.store.ledger.listSpending(caps))
}

const payerOf = ({
  userId,
  keyId,
  parent,
}: Pick<Spending, 'userId' | 'keyId' | 'parent'>): Payer => ({
  userId,
  keyId,
  parentId: parent?.id ?? null,
})

const none: readonly Standing[] = []
const nothing: Amount = { inputTokens: 0, outputTokens: 0, money: 0 }

function holdOf(
  app: App,
  { requestId, userId, keyId, model, most }: Spending,
  now: number,
): HoldRow {
  return {
    id: randomId('res_'),
    request_id: requestId,
    user_id: userId,
    key_id: keyId,
    model,
    input_tokens: most.inputTokens,
    output_tokens: most.outputTokens,
    money: most.money,
    created_at: now,
    lease_until: now + app.config.upstreamTimes.total + LEASE_BEYOND_MS,
  }
}

/** The answer needs none of this; what holds room for others is written at once, in groups. */
function book(
  app: App,
  { spending, startedAt, held, looked }: Reservation,
  used: Amount,
  told: Pick<UsageRow, 'outcome' | 'reason'>,
): Soon<void> {
  const usage = entry(spending, startedAt, used, { ...told, looked: spellStandings(looked) })
  app.usage.add({ usage, parentId: spending.parent?.id ?? null, hold: held })
  return held ? app.usage.flush() : undefined
}

function refuse(app: App, spending: Spending, looked: readonly Standing[], now: number): ApiError {
  const reached = reachedIn(looked)
  // Nothing is reached and nothing was held: there is no such person any more.
  if (!reached) return new ApiError('TOKEN_INVALID')
  const reason = `${reached.level} ${reached.limit}`
  const told = { outcome: 'refused', reason, looked: spellStandings(looked) } as const
  app.usage.add({ usage: entry(spending, now, nothing, told), parentId: null, hold: null })
  noteReached(app, spending.userId, reached, now)
  return exhausted(app, reached)
}

function entry(
  { requestId, userId, keyId, model }: Spending,
  happenedAt: number,
  used: Amount,
  told: Pick<UsageRow, 'outcome' | 'reason' | 'looked'>,
): UsageRow {
  return {
    id: timedId('use_', happenedAt),
    request_id: requestId,
    user_id: userId,
    key_id: keyId,
    model,
    happened_at: happenedAt,
    input_tokens: used.inputTokens,
    output_tokens: used.outputTokens,
    money: used.money,
    ...told,
  }
}
