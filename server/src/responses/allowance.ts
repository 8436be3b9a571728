import { askOrLease, holds } from '../auth/belief.ts'
import type { App } from '../context.ts'
import { type Soon, whenHere } from '../soon.ts'
import type { AllowanceRow } from '../store/allowances.ts'
import type { Level, LimitName, SpendingLimits } from '../store/spending.ts'

/** What a caller may spend now: as a person, and by this key and the one that made it with what was raised for a while. */
export function limitsOf(
  app: App,
  caller: {
    userId: string
    keyId: string | null
    limits: SpendingLimits | null
    parent?: { id: string; limits: SpendingLimits } | null
  },
  now: number,
): Soon<Record<Level, SpendingLimits | null>> {
  const { userId, keyId, limits, parent } = caller
  return whenHere(findAllowance(app, userId, now), (row) => ({
    person: row.limits ?? app.config.userBudget,
    parent: parent ? raised(parent.limits, row, parent.id, now) : null,
    key: limits && keyId ? raised(limits, row, keyId, now) : null,
  }))
}

/** From now on this process asks the database again. */
export function forgetAllowance(app: App, userId: string): void {
  app.memory.allowances.forget(userId)
}

function raised(
  limits: SpendingLimits,
  { raises }: AllowanceRow,
  keyId: string,
  now: number,
): SpendingLimits {
  if (raises.length === 0) return limits
  const more = (name: LimitName) => {
    const mine = raises.filter(
      ({ key_id, limit_name, expires_at }) =>
        key_id === keyId && limit_name === name && expires_at > now,
    )
    const most = limits[name]
    return most === null ? null : mine.reduce((sum, { amount }) => sum + amount, most)
  }
  return {
    tokens_per_day: more('tokens_per_day'),
    tokens_per_month: more('tokens_per_month'),
    money_per_day: more('money_per_day'),
    money_per_month: more('money_per_month'),
  }
}

/**
 * While the database is silent a key is believed on a lease, and so is that its owner has no budget; whoever has one is
 * refused where it is counted.
 */
function findAllowance(app: App, userId: string, now: number): Soon<AllowanceRow> {
  const { allowances } = app.memory
  const known = allowances.find(userId)
  if (known && holds(app, known, now)) return known.row
  return askOrLease(app, { shelf: allowances, names: [userId] }, now, async () => {
    const reading = app.feed.begin(now)
    const row = await app.store.allowances.find(userId, now)
    allowances.keep([userId], row, reading)
    return row
  })
}
