import { knob, limitChanges, redis, whole } from './config-values.ts'
import type { LimitTable } from './limits.ts'

export interface LimitsConfig {
  readonly limits: LimitTable
  /** Null counts traffic in memory, each server for itself. */
  readonly redisUrl: string | null
  readonly redisTimeoutMs: number
}

/** How much traffic passes, and where it is counted. */
export const limitKnobs = {
  LIMITS: knob(
    'name=off or name=calls/seconds, with commas between',
    '',
    'Changes traffic limits; never a guess budget.',
    limitChanges,
  ),
  REDIS_URL: knob(
    'redis://user:pass@host:port or rediss://…',
    '',
    'Valkey or Redis, where all servers count traffic together (docs/rate-limits.md); each in its own memory when empty.',
    redis,
  ),
  REDIS_TIMEOUT_MS: knob(
    '5 to 5000',
    '50',
    'How long a call waits for it before it is counted by this server alone.',
    whole(5, 5000),
  ),
}
