import { type Bucket, spendsFreely } from '../limits.ts'
import type { ApiKeyLimits, RequestLimits } from '../store/api-keys.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** A key's own limit where the server has none of that span. */
const MOST_REQUESTS = 1_000_000

/** Everything that bounds a key beside its rights. */
export type KeyLimits = ApiKeyLimits & RequestLimits

export const unlimited: KeyLimits = {
  requests_per_minute: null,
  requests_per_day: null,
  ...spendsFreely,
}

export const limitNames = Object.keys(unlimited) as readonly (keyof KeyLimits)[]

/** A key's own request limits as buckets, which stand in for those of its row; none where it has none. */
export function ownBuckets(limits: RequestLimits): readonly Bucket[] {
  return [
    ...bucketOf(limits.requests_per_minute, MINUTE),
    ...bucketOf(limits.requests_per_day, DAY),
  ]
}

/** A person lets a key of theirs ask as often as they may ask themselves, and no oftener. */
export function mostRequests(row: readonly Bucket[], name: keyof RequestLimits): number {
  const span = name === 'requests_per_minute' ? MINUTE : DAY
  return row.find(({ perMs }) => perMs === span)?.calls ?? MOST_REQUESTS
}

function bucketOf(calls: number | null, perMs: number): Bucket[] {
  return calls === null ? [] : [{ calls, perMs, burst: calls }]
}
