/**
 * Two tables that are never mixed (contract section 4).
 *
 * `limits` protect the machine: token buckets in memory, or of all nodes together (REDIS_URL), changed by LIMITS, allowed to fail open.
 * `budgets` protect a person: counted in the database before the work, never loosened by LIMITS.
 * docs/rate-limits.md is compared with both.
 */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A bucket that holds `burst` calls and refills `calls` every `perMs`. */
export interface Bucket {
  readonly calls: number
  readonly perMs: number
  readonly burst: number
}

const bucket = (calls: number, perMs: number, burst = calls): Bucket => ({ calls, perMs, burst })

/** A call passes when every bucket of its row has room. */
export const limits = {
  requests: [bucket(100, MINUTE, 120), bucket(10_000, DAY)],
  'register-source': [bucket(60, MINUTE), bucket(300, HOUR)],
  'verify-source': [bucket(120, MINUTE)],
  'refused-source': [bucket(300, MINUTE)],
  'refused-network': [bucket(10, MINUTE)],
  'pair-source': [bucket(30, MINUTE), bucket(300, HOUR)],
  'poll-source': [bucket(300, MINUTE)],
  refresh: [bucket(60, HOUR)],
  'username-check': [bucket(20, MINUTE)],
  check: [bucket(600, MINUTE, 1200)],
  introspect: [bucket(6000, MINUTE)],
  'jwks-source': [bucket(120, MINUTE)],
  export: [bucket(5, HOUR)],
  'revoke-source': [bucket(30, MINUTE)],
} as const satisfies Record<string, readonly Bucket[]>

export type LimitName = keyof typeof limits
export type LimitTable = Readonly<Record<LimitName, readonly Bucket[]>>

/** Rows of callers who have proven who they are; all others count strangers. */
export const ownLimits: ReadonlySet<LimitName> = new Set<LimitName>([
  'requests',
  'refresh',
  'check',
  'introspect',
  'export',
])

/** At most `tries` in any stretch of `withinMs`; past them, where `thenEveryMs` is set, one each such while. */
export interface Window {
  readonly tries: number
  readonly withinMs: number
  readonly thenEveryMs?: number
}

/** Every window must have room. Past `streak.after` tries in a row, one each `streak.everyMs`. */
export interface Budget {
  readonly windows: readonly Window[]
  readonly streak?: { readonly after: number; readonly everyMs: number }
}

const within = (tries: number, withinMs: number): Window => ({ tries, withinMs })

export const budgets = {
  'login-account-source': { windows: [within(5, 5 * MINUTE)] },
  'login-account': {
    windows: [{ tries: 10, withinMs: 15 * MINUTE, thenEveryMs: 30 * SECOND }],
    streak: { after: 100, everyMs: 300 * SECOND },
  },
  // 20 at once, leaking 100 an hour: a full bucket has run dry after 12 minutes.
  'login-source': {
    windows: [{ tries: 20, withinMs: 12 * MINUTE, thenEveryMs: 36 * SECOND }],
  },
  'login-network': {
    windows: [{ tries: 200, withinMs: 12 * MINUTE, thenEveryMs: 3600 }],
  },
  'login-device': { windows: [within(5, 5 * MINUTE)] },
  'code-account': { windows: [within(8, DAY), within(20, 30 * DAY)] },
  'code-device': { windows: [within(5, DAY)] },
  'recovery-codes': { windows: [within(8, DAY)] },
  'pairing-codes': { windows: [within(10, HOUR)] },
  'raise-codes': { windows: [within(8, DAY)] },
  'raise-mails': { windows: [within(3, 10 * MINUTE), within(10, DAY)] },
  'email-codes': { windows: [within(8, DAY)] },
  'code-mails': { windows: [within(5, 10 * MINUTE), within(40, DAY)] },
  'stranger-mails': { windows: [within(1, MINUTE), within(3, HOUR), within(6, DAY)] },
  'account-exists-mails': { windows: [within(1, DAY)] },
  'hammered-mails': { windows: [within(1, DAY)] },
  'wrong-code-mails': { windows: [within(1, DAY)] },
  'canary-mails': { windows: [within(1, HOUR)] },
  'reset-needed-mails': { windows: [within(1, DAY)] },
  invitations: { windows: [within(50, HOUR), within(200, DAY)] },
  'invitation-mails': { windows: [within(2, 10 * MINUTE), within(6, DAY)] },
  // These four hold letters back that are about to leave; the sender is never told.
  'letters-recipient': { windows: [within(100, DAY)] },
  // Its width is MAILS_PER_MINUTE.
  'letters-strangers': { windows: [within(120, MINUTE)] },
  'letters-domain': { windows: [{ tries: 60, withinMs: 10 * MINUTE, thenEveryMs: 10 * SECOND }] },
  'letters-suspected': { windows: [within(6, MINUTE)] },
  'test-mails': { windows: [within(3, 10 * MINUTE), within(20, DAY)] },
} as const satisfies Record<string, Budget>

export type BudgetName = keyof typeof budgets

/** Wrong codes on one key; it dies with the last of them. */
export const GUESSES_PER_KEY = 5
/** Wrong codes on an account in a day from which its next codes have six digits. */
export const GUESSES_BEFORE_LONGER_CODES = 3
/** Between two mails of one key. */
export const RESEND_PAUSE_MS = MINUTE
/** Live login keys of one person: one more ends the oldest. */
export const LIVE_LOGIN_KEYS = 2
/** Live sessions of one person: one more ends the oldest. */
export const LIVE_SESSIONS = 50
/** API keys of one person that are neither revoked nor expired. */
export const LIVE_API_KEYS = 50
/** Keys that a key made, neither revoked nor expired. */
export const CHILDREN_OF_A_KEY = 50
/** Leaked keys of one report. */
export const LEAKS_AT_ONCE = 100
/** Passkeys of one person. */
export const PASSKEYS = 20
/** Wrong codes in an hour over all accounts from which new codes have six digits. */
export const SURGE_WRONG_CODES = 50
/** Wrong passwords in an hour over all accounts, and that many times the right ones, that look like stuffing. */
export const STUFFING = { wrongPasswords: 200, timesRight: 3 } as const

/** Registrations in an hour, and that many times the finished ones, that look like letters meant to annoy. */
export const BOMBING = { begun: 200, timesFinished: 5 } as const

/** A key or person without a cap on what it spends. */
export const spendsFreely = {
  tokens_per_day: null,
  tokens_per_month: null,
  money_per_day: null,
  money_per_month: null,
} as const
