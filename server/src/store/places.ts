import type { Place } from './spending.ts'

const DAY = 86_400_000

/** Who pays for a call. */
export interface Payer {
  readonly userId: string
  /** Null for a person with a session. */
  readonly keyId: string | null
  /** The key that made this one. */
  readonly parentId: string | null
}

/**
 * The counters that a call is in, of the UTC day and month: its person's, and its key's where it has one, and those of
 * the key that made that.
 */
export function placesOf({ userId, keyId, parentId }: Payer, now: number): Place[] {
  const at = new Date(now)
  const day = { period: 'day', startsAt: now - (now % DAY) } as const
  const startsAt = Date.UTC(at.getUTCFullYear(), at.getUTCMonth())
  const month = { period: 'month', startsAt } as const
  const owners = [
    { level: 'person', owner: userId } as const,
    ...(parentId === null ? [] : [{ level: 'parent', owner: parentId } as const]),
    ...(keyId === null ? [] : [{ level: 'key', owner: keyId } as const]),
  ]
  return owners.flatMap((owner) => [
    { ...owner, ...day },
    { ...owner, ...month },
  ])
}
