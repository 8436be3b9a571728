import type { Ruling } from '../limiter/limiter.ts'
import type { LimitName } from '../limits.ts'

/** What a limited answer tells: draft-ietf-httpapi-ratelimit-headers, and the X- names of old (contract section 4). */
export function limitHeaders(name: LimitName, ruling: Ruling, now: number): Record<string, string> {
  const { bucket, remaining, waitMs, resetMs } = ruling
  if (!bucket) return {}
  const seconds = (ms: number) => Math.ceil(ms / 1000)
  const until = ruling.allowed ? seconds(resetMs) : Math.max(1, seconds(waitMs))
  return {
    'ratelimit-policy': `"${name}";q=${bucket.calls};w=${seconds(bucket.perMs)}`,
    ratelimit: `"${name}";r=${remaining};t=${until}`,
    'x-ratelimit-limit': String(bucket.calls),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(seconds(now) + until),
  }
}
