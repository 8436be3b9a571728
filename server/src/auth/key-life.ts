import { ApiError } from '../errors.ts'

const DAY = 86_400_000
const STANDARD_LIFE_MS = 90 * DAY
const LONGEST_LIFE_MS = 3650 * DAY
/** Days before a key's end on which its owner is written to, the earlier first. */
export const reminders = [14, 2] as const

/** When a key is to end, from what was asked: nothing means 90 days, null never. Null when it does not fit. */
export function readEnd(
  text: string | null | undefined,
  now: number,
): { readonly at: number | null } | null {
  if (text === undefined) return { at: now + STANDARD_LIFE_MS }
  if (text === null) return { at: null }
  const at = Date.parse(text)
  return at > now && at <= now + LONGEST_LIFE_MS ? { at } : null
}

/** The reminder that a key of this end is past: who chose the end a moment ago is not told of it. */
export function reminderPassed(endsAt: number | null, now: number): number | null {
  if (endsAt === null) return null
  return reminders.findLast((days) => endsAt - now <= days * DAY) ?? null
}

interface Lasting {
  readonly revoked_at: number | null
  readonly expires_at: number | null
}

/** Whether a key has ended for good: nothing changes it any more. */
export function hasEnded({ revoked_at, expires_at }: Lasting, now: number): boolean {
  return revoked_at !== null || (expires_at !== null && now >= expires_at)
}

/** What somebody hears who wants to change a key that has ended. */
export function keyEnded(): ApiError {
  return new ApiError('OPERATION_NOT_ALLOWED', { details: { reason: 'key_ended' } })
}
