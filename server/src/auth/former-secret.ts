import { ApiError } from '../errors.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'

/** A secret that was replaced and opens yet: since when, and until when at the latest. */
export interface Retiring {
  readonly since: number
  readonly until: number
  /** When it ends if this call was the last with it. */
  readonly endsIfSilent: number
}

/** Null for the secret that a key has now; of the one before it how long it goes on. 401 when that is over. */
export function retiringSecret(
  row: ApiKeyRow,
  hashes: readonly string[],
  now: number,
): Retiring | null {
  if (row.former_hash === null || !hashes.includes(row.former_hash)) return null
  const endsAt = formerEnd(row)
  if (now >= endsAt) {
    const details = { reason: 'key_rotated', ended_at: new Date(endsAt).toISOString() }
    throw new ApiError('API_KEY_EXPIRED', { details })
  }
  const endsIfSilent = formerEnd({ ...row, former_heard_at: now })
  return { since: row.replaced_at ?? 0, until: latestEnd(row), endsIfSilent }
}

/** When the former secret ends as things stand: sooner where it is to end when nobody was heard with it for so long. */
export function formerEnd(row: ApiKeyRow): number {
  const { former_silence_ms, former_heard_at } = row
  if (former_silence_ms === null) return latestEnd(row)
  return Math.min(latestEnd(row), (former_heard_at ?? 0) + former_silence_ms)
}

/** It goes with its key at the latest. */
function latestEnd({ former_ends_at, expires_at }: ApiKeyRow): number {
  return Math.min(former_ends_at ?? 0, expires_at ?? Number.POSITIVE_INFINITY)
}
