import { randomId } from '../auth/random.ts'
import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ApiKeyLimits } from '../store/api-keys.ts'
import type { Amount, Cap, ReservationRow, SpendingRow, UsageRow } from '../store/ledger.ts'

export type { Amount } from '../store/ledger.ts'

/** A call that nobody settled for so long was cut off by a crash: what it held is taken for spent. */
const LEASE_MS = 3_600_000
const DAY = 86_400_000
const MOST_AT_ONCE = 500

/** Who asks for what, before it is asked. */
export interface Spending {
  readonly requestId: string
  readonly userId: string
  /** Null for a person with a session. */
  readonly keyId: string | null
  readonly limits: ApiKeyLimits | null
  readonly model: string
  /** The most it can come to. */
  readonly most: Amount
}

/** A call whose price is still open. Settle it or abandon it, once. */
export interface Reservation {
  readonly spending: Spending
  readonly startedAt: number
  /** Null when the caller has no cap, so that nothing had to be held. */
  readonly held: ReservationRow | null
}

type At = { readonly app: App; readonly now: number }

/** Holds the most that a call can come to. Without a cap nothing is written. 402 when a cap is reached. */
export async function reserve({ app, now }: At, spending: Spending): Promise<Reservation> {
  const { keyId, limits, most } = spending
  const caps = limits ? capsOf(limits, now) : []
  if (keyId === null || caps.length === 0) return { spending, startedAt: now, held: null }
  const held: ReservationRow = {
    id: randomId('res_'),
    request_id: spending.requestId,
    user_id: spending.userId,
    key_id: keyId,
    model: spending.model,
    input_tokens: most.inputTokens,
    output_tokens: most.outputTokens,
    money: most.money,
    created_at: now,
    lease_until: now + LEASE_MS,
  }
  // What is still to be written counts too, or a cap that was set a moment ago would not know of it.
  if (app.usage.holds(keyId)) await app.usage.flush()
  if (await app.store.ledger.reserve(held, caps)) return { spending, startedAt: now, held }
  throw await refusal(app, spending, caps, now)
}

/** Who pays for a call. */
export function spenderOf({
  principal,
  requestId,
}: Pick<Call, 'principal' | 'requestId'>): Omit<Spending, 'model' | 'most'> {
  if (!principal) throw new ApiError('AUTHENTICATION_REQUIRED')
  const isKey = principal.kind === 'key-holder'
  const { userId } = principal
  if (!isKey) return { requestId, userId, keyId: null, limits: null }
  return { requestId, userId, keyId: principal.keyId, limits: principal.limits }
}

/** Books what the upstream says it came to, and gives the rest back. */
export async function settle(app: App, reservation: Reservation, used: Amount): Promise<void> {
  await book(app, reservation, used, 'settled')
}

/** Books an estimate for a call whose price nobody told: cut off, or failed half-way. */
export async function abandon(app: App, reservation: Reservation, used: Amount): Promise<void> {
  await book(app, reservation, used, 'estimated')
}

/** Calls that a crash left open are booked at the most they could come to. */
export async function settleOverdue(app: App, now: number): Promise<void> {
  for (const row of await app.store.ledger.listOverdue(now, MOST_AT_ONCE)) {
    const usage: UsageRow = {
      id: randomId('use_'),
      request_id: row.request_id,
      user_id: row.user_id,
      key_id: row.key_id,
      model: row.model,
      happened_at: row.created_at,
      input_tokens: row.input_tokens,
      output_tokens: row.output_tokens,
      money: row.money,
      outcome: 'estimated',
      reason: 'never settled',
    }
    await app.store.ledger.settle(row, periodsOf(row.created_at), usage)
  }
}

/** What a key has left of its caps, as the next reservation will see it. */
export async function remaining(app: App, keyId: string, limits: ApiKeyLimits, now: number) {
  await app.usage.flush()
  const caps = capsOf(limits, now)
  const rows = await app.store.ledger.listSpending(keyId, periodsOf(now))
  return caps.flatMap((cap) => standings(cap, rows))
}

/** The UTC day and month of a moment. */
export function periodsOf(
  now: number,
): [Omit<Cap, 'tokens' | 'money'>, Omit<Cap, 'tokens' | 'money'>] {
  const at = new Date(now)
  return [
    { period: 'day', startsAt: now - (now % DAY) },
    { period: 'month', startsAt: Date.UTC(at.getUTCFullYear(), at.getUTCMonth()) },
  ]
}

/** Both periods as soon as one has a cap: what is held and what is given back must meet in the same rows. */
function capsOf(limits: ApiKeyLimits, now: number): Cap[] {
  const [day, month] = periodsOf(now)
  const caps = [
    { ...day, tokens: limits.tokens_per_day, money: limits.money_per_day },
    { ...month, tokens: limits.tokens_per_month, money: limits.money_per_month },
  ]
  return caps.some(({ tokens, money }) => tokens !== null || money !== null) ? caps : []
}

async function book(
  app: App,
  { spending, startedAt, held }: Reservation,
  used: Amount,
  outcome: UsageRow['outcome'],
): Promise<void> {
  const usage = entry(spending, startedAt, used, outcome, null)
  const periods = periodsOf(startedAt)
  if (held) await app.store.ledger.settle(held, periods, usage)
  else app.usage.add(usage, periods)
}

async function refusal(
  app: App,
  spending: Spending,
  caps: readonly Cap[],
  now: number,
): Promise<ApiError> {
  const rows = await app.store.ledger.listSpending(spending.keyId ?? '', caps)
  const all = caps.flatMap((cap) => standings(cap, rows))
  const reached = all.filter(({ left }) => left <= 0)
  // The one that ends last: waiting for an earlier one would not help. Room that came back since: try again.
  const last = reached.toSorted((one, other) => other.resetsAt - one.resetsAt)[0] ?? all[0]
  const limit = last?.limit ?? 'unknown'
  const nothing = { inputTokens: 0, outputTokens: 0, money: 0 }
  app.usage.add(entry(spending, now, nothing, 'refused', limit), caps)
  const resetsAt = new Date(last?.resetsAt ?? now).toISOString()
  return new ApiError('BUDGET_EXHAUSTED', { details: { limit, resets_at: resetsAt } })
}

function standings(cap: Cap, rows: readonly SpendingRow[]) {
  const row = rows.find(
    ({ period, starts_at }) => period === cap.period && starts_at === cap.startsAt,
  )
  const tokens = (row?.held_tokens ?? 0) + (row?.spent_tokens ?? 0)
  const money = (row?.held_money ?? 0) + (row?.spent_money ?? 0)
  const resetsAt = endOf(cap)
  const caps = [
    { limit: `tokens_per_${cap.period}`, most: cap.tokens, gone: tokens },
    { limit: `money_per_${cap.period}`, most: cap.money, gone: money },
  ]
  return caps.flatMap(({ limit, most, gone }) =>
    most === null ? [] : [{ limit, most, left: Math.max(0, most - gone), resetsAt }],
  )
}

function endOf({ period, startsAt }: Cap): number {
  const at = new Date(startsAt)
  return period === 'day' ? startsAt + DAY : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
}

function entry(
  { requestId, userId, keyId, model }: Spending,
  happenedAt: number,
  used: Amount,
  outcome: UsageRow['outcome'],
  reason: string | null,
): UsageRow {
  return {
    id: randomId('use_'),
    request_id: requestId,
    user_id: userId,
    key_id: keyId,
    model,
    happened_at: happenedAt,
    input_tokens: used.inputTokens,
    output_tokens: used.outputTokens,
    money: used.money,
    outcome,
    reason,
  }
}
