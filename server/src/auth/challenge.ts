import { setTimeout as pause } from 'node:timers/promises'
import type { App, Call, Origin } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { GUESSES_BEFORE_LONGER_CODES, GUESSES_PER_KEY, RESEND_PAUSE_MS } from '../limits.ts'
import type { Counter } from '../store/budgets.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { LoginLook } from '../store/login-tries.ts'
import type { NewLetter } from '../store/outbox.ts'
import { counter, takeTry, triesWithin, waitForAll } from './budget.ts'
import { deriveCode, type Purpose } from './code.ts'
import { guessCounter } from './guess-budget.ts'
import { keyedHash } from './keyring.ts'
import { networkOf } from './place.ts'
import { randomBytes, randomId } from './random.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const LONGER_DIGITS = 6
/** How long a guess that came too late waits for those under way, and how often it looks. */
const SETTLE_MS = 2000
const LOOK_EVERY_MS = 25
/** A resend this soon after a code's first mail repeats the code (contract section 1). */
export const REPEAT_WITHIN_MS = 5 * MINUTE

/** Challenges by purpose (contract section 1). */
export const rules = {
  login: { codeLifeMs: 5 * MINUTE, resendMs: 30 * MINUTE, mostMails: 5 },
  registration: { codeLifeMs: 15 * MINUTE, resendMs: 60 * MINUTE, mostMails: 5 },
  password_reset: { codeLifeMs: 15 * MINUTE, resendMs: 60 * MINUTE, mostMails: 5 },
  budget_raise: { codeLifeMs: 15 * MINUTE, resendMs: 60 * MINUTE, mostMails: 3 },
  email_change: { codeLifeMs: 15 * MINUTE, resendMs: 60 * MINUTE, mostMails: 3 },
} as const satisfies Record<Purpose, object>

export const REGISTRATION_DIGITS = 8
/** No password stands before these codes. */
export const RECOVERY_DIGITS = 8
export const EMAIL_CHANGE_DIGITS = 8

/** The key its holder gets (`email_key`): 128 random bits in the form of a UUID. */
export function newEmailKey(): string {
  const hex = randomBytes(16).toString('hex')
  return `uuid-${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`
}

/** A challenge that was just opened: not stored yet. */
export function newChallenge(
  app: App,
  emailKey: string,
  about: {
    purpose: Purpose
    userId: string | null
    address: string
    deviceId: string | null
    digits: number
    origin: Origin
    now: number
  },
): ChallengeRow {
  const { purpose, origin, now } = about
  const keys = app.keyring.current
  return {
    id: keyedHash(keys.of.challenge, emailKey),
    keys_id: keys.id,
    purpose,
    user_id: about.userId,
    address: about.address,
    device_id: about.deviceId,
    source: origin.source,
    agent: origin.agent,
    language: app.letterTexts.choose(origin.languages),
    digits: about.digits,
    generation: 1,
    mails: 1,
    attempts: 0,
    misses: 0,
    created_at: now,
    first_mail_at: now,
    last_mail_at: now,
    code_expires_at: now + rules[purpose].codeLifeMs,
    resend_until: now + rules[purpose].resendMs,
    consumed_at: null,
    ended_at: null,
  }
}

/** How many digits a login code has now, after these wrong codes on its account: more while somebody is guessing (S2). */
export function loginDigits(
  app: App,
  look: Pick<LoginLook, 'account_guesses' | 'surge_until'>,
  now: number,
): number {
  const usual = app.config.codeDigits
  if (usual >= LONGER_DIGITS) return usual
  const guessed = triesWithin({ log: look.account_guesses ?? '' }, DAY, now)
  const isSurge = Number(look.surge_until) > now
  return isSurge || guessed >= GUESSES_BEFORE_LONGER_CODES ? LONGER_DIGITS : usual
}

/**
 * Whose a challenge is. An account begins under an id that follows from its registration: so what the trail says of
 * that belongs to somebody, and goes with them.
 */
export function personOf(app: App, { id, keys_id, user_id }: ChallengeRow): string {
  if (user_id) return user_id
  const keys = app.keyring.find(keys_id) ?? app.keyring.current
  const hash = Buffer.from(keyedHash(keys.of.challenge, 'person', id), 'base64url')
  return `usr_${hash.toString('hex').slice(0, 32)}`
}

/** The challenge of a live key; a wrong, used, ended or forgotten key is one answer, and one of another purpose too. */
export async function findChallenge(
  app: App,
  emailKey: string,
  now: number,
  purposes: readonly Purpose[] = Object.keys(rules) as Purpose[],
): Promise<ChallengeRow> {
  const row = await app.store.challenges.find(challengeIds(app, emailKey))
  return requireRoom(app, requireLive(row, now, purposes))
}

/** What may be kept of a key: one hash for each generation of keys. */
export function challengeIds(app: App, emailKey: string): string[] {
  return app.keyring.all.map((keys) => keyedHash(keys.of.challenge, emailKey))
}

export function requireLive<Row extends ChallengeRow>(
  row: Row | null,
  now: number,
  purposes: readonly Purpose[],
): Row {
  const gone = !row || row.consumed_at !== null || row.ended_at !== null
  if (
    gone ||
    !purposes.includes(row.purpose) ||
    now >= Math.max(row.resend_until, row.code_expires_at)
  ) {
    throw new ApiError('INVALID_VERIFICATION_CODE')
  }
  return row
}

/** A key that wrong guesses ended says so; one that a right guess used meanwhile is like one that never was. */
export async function requireRoom<Row extends ChallengeRow>(app: App, row: Row): Promise<Row> {
  if (row.attempts < GUESSES_PER_KEY) return row
  throw (await wasUsed(app, row)) ? new ApiError('INVALID_VERIFICATION_CODE') : deadKey()
}

/** Counts a guess on the key and on the person, before anybody compares; refuses when either is spent. */
export async function spendGuess(app: App, challenge: ChallengeRow, now: number): Promise<void> {
  const guesses = guessCounter(app, challenge)
  const tryId = randomId('try_')
  if (await app.store.challenges.spendGuess(challenge.id, guesses, now, tryId)) return
  const row = await app.store.challenges.find([challenge.id])
  if (await wasUsed(app, row)) throw new ApiError('INVALID_VERIFICATION_CODE')
  const wait = await waitForAll(app, [guesses], now)
  throw wait > 0 ? tooMany('TOO_MANY_VERIFICATION_ATTEMPTS', wait) : deadKey()
}

/**
 * Whether another guess used the key, or its end came, while this one was refused. Guesses under way are waited
 * for: when one of them is right this one came too late, which is another answer than that of a key which wrong
 * guesses ended.
 */
async function wasUsed(app: App, row: ChallengeRow | null): Promise<boolean> {
  let seen = row
  for (let waited = 0; waited < SETTLE_MS; waited += LOOK_EVERY_MS) {
    if (!seen || seen.consumed_at !== null || seen.ended_at !== null) return true
    if (seen.misses >= seen.attempts) return false
    await pause(LOOK_EVERY_MS)
    seen = await app.store.challenges.find([seen.id])
  }
  return false
}

/** The code that the newest mail of this challenge holds. */
export function codeOf(app: App, challenge: ChallengeRow): string | null {
  const keys = app.keyring.find(challenge.keys_id)
  return keys && deriveCode(keys, challenge)
}

/** The letter that carries a challenge's code; the code itself is derived when the letter is sent. */
export function codeLetter(
  challenge: Pick<ChallengeRow, 'id'>,
  now: number,
  purpose: Purpose,
): NewLetter {
  return {
    id: randomId('mail_'),
    letter: 'code',
    challengeId: challenge.id,
    sealed: null,
    createdAt: now,
    expiresAt: now + rules[purpose].codeLifeMs,
  }
}

/** What counts the mails of a challenge whose owner proved something first; null where nobody did. */
export function mailCounter(app: App, { purpose, user_id }: ChallengeRow): Counter | null {
  if (!user_id) return null
  if (purpose === 'login' || purpose === 'email_change') {
    return counter(app, 'code-mails', [user_id], user_id)
  }
  return purpose === 'budget_raise' ? counter(app, 'raise-mails', [user_id], user_id) : null
}

/** Counts a mail to an address that nobody proved yet. False when it must not be sent; nobody is told. */
export async function mayMailStranger(app: App, mailbox: string, now: number): Promise<boolean> {
  return (await takeTry(app, [counter(app, 'stranger-mails', [mailbox])], now)) === 0
}

/** Milliseconds until another mail may be asked for. */
export function resendWait(challenge: ChallengeRow, now: number): number {
  const spent = challenge.mails >= rules[challenge.purpose].mostMails
  return Math.max(
    0,
    (spent ? challenge.resend_until : challenge.last_mail_at + RESEND_PAUSE_MS) - now,
  )
}

/** Did the person move between two steps: another network and another program? */
export function hasMoved(challenge: ChallengeRow, { origin }: Pick<Call, 'origin'>): boolean {
  const isSame = networkOf(challenge.source) === networkOf(origin.source)
  return !isSame && challenge.agent !== origin.agent
}

function deadKey(): ApiError {
  return tooMany('TOO_MANY_VERIFICATION_ATTEMPTS', RESEND_PAUSE_MS)
}
