import type { Static } from 'typebox'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { FactorsRow, FactorUse } from '../store/factors.ts'
import type { StepCode } from '../wire/body.ts'
import { codeOf } from './challenge.ts'
import { sameText } from './keyring.ts'
import { type Assertion, provenCounter } from './passkey.ts'
import { recoveryHashes, spellRecoveryCode } from './recovery-code.ts'
import { TOTP_SHAPE, totpStep, unsealTotp } from './totp.ts'

/** The ways to pass the second step. */
export const methods = ['email', 'totp', 'recovery_code', 'passkey'] as const
export type Method = (typeof methods)[number]

/** A guess of the right shape, in its one spelling. */
export type Guess =
  | { readonly method: 'email' | 'totp' | 'recovery_code'; readonly text: string }
  | { readonly method: 'passkey'; readonly assertion: Assertion }

/** What a right guess proves. */
export interface Proof {
  /** How the person signed in (RFC 8176). */
  readonly amr: readonly string[]
  /** What is used up together with the challenge. */
  readonly factor: FactorUse | null
}

interface Answered {
  readonly method?: Method
  readonly verification_code?: Static<typeof StepCode>
  readonly recovery_code?: string
  readonly passkey?: Assertion
}

/** The ways that this person has; the mailed code is always one. */
export async function methodsOf(app: App, userId: string): Promise<Method[]> {
  return methodsIn(await app.store.factors.find(userId))
}

export function methodsIn(row: FactorsRow | null): Method[] {
  return [
    'email',
    ...(row?.totp_at ? (['totp'] as const) : []),
    ...(row?.recovery_codes ? (['recovery_code'] as const) : []),
    ...(row?.passkeys ? (['passkey'] as const) : []),
  ]
}

/** The one field in which each method has its proof. */
const fields = {
  email: 'verification_code',
  totp: 'verification_code',
  recovery_code: 'recovery_code',
  passkey: 'passkey',
} as const satisfies Record<Method, keyof Answered>

/** The guess that a body carries: in the method's one field, in the method's shape. Else it spends nothing. */
export function readGuess(body: Answered): Guess {
  const { method = 'email' } = body
  for (const field of new Set(Object.values(fields))) {
    const sent = body[field] !== undefined
    if (sent && field !== fields[method]) throw unfit(field, 'is not a field of this method')
    if (!sent && field === fields[method]) throw unfit(field, 'is missing')
  }
  const { verification_code: code = '', recovery_code: recovery = '', passkey } = body
  if (passkey) return { method: 'passkey', assertion: passkey }
  if (method === 'totp') return { method, text: spellTotp(code) }
  if (method === 'email') return { method, text: spellMailed(code) }
  const text = spellRecoveryCode(recovery)
  if (!text) throw unfit('recovery_code', 'must have 16 letters and digits')
  return { method: 'recovery_code', text }
}

/** Six digits. A number has lost the zeros in front: they are put back. */
export function spellTotp(code: Static<typeof StepCode>): string {
  const { digits } = TOTP_SHAPE
  const text = typeof code === 'number' ? String(code).padStart(digits, '0') : code
  if (text.length !== digits) throw unfit('verification_code', `must have ${digits} digits`)
  return text
}

/** A mailed code never begins with 0; how long it is, only the key's holder learns. */
function spellMailed(code: Static<typeof StepCode>): string {
  const text = String(code)
  if (!/^[1-9][0-9]{3,7}$/.test(text)) {
    throw unfit('verification_code', 'must be a number of 4 to 8 digits')
  }
  return text
}

/** A guess that this challenge cannot take is a slip of the hand: its holder is told, and none is spent. */
export function requireFit(guess: Guess, challenge: ChallengeRow): void {
  if (guess.method !== 'email') {
    const own = challenge.purpose === 'login' && challenge.user_id !== null
    if (!own) throw unfit('method', 'must be email for this key')
    return
  }
  if (guess.text.length === challenge.digits) return
  throw unfit('verification_code', `must have ${challenge.digits} digits`)
}

/** What the guess proves, or null when it is wrong. Compared only after the guess was counted. */
export async function prove(
  app: App,
  challenge: ChallengeRow,
  guess: Guess,
  now: number,
): Promise<Proof | null> {
  if (guess.method === 'email') {
    const code = codeOf(app, challenge)
    return code && sameText(code, guess.text) ? { amr: ['pwd', 'email'], factor: null } : null
  }
  const userId = challenge.user_id
  if (!userId) return null
  if (guess.method === 'totp') return proveTotp(app, userId, guess.text, now)
  if (guess.method === 'passkey') return provePasskey(app, challenge, userId, guess.assertion)
  return proveRecoveryCode(app, userId, guess.text)
}

/** A code that was used, or is older than one that was, proves nothing any more. */
async function proveTotp(
  app: App,
  userId: string,
  text: string,
  now: number,
): Promise<Proof | null> {
  const row = await app.store.factors.findTotp(userId)
  if (!row || row.confirmed_at === null) return null
  const secret = unsealTotp(app, userId, row.sealed)
  const step = secret && totpStep(secret, text, now, row.last_step)
  return step ? { amr: ['pwd', 'otp'], factor: { kind: 'totp', step } } : null
}

async function proveRecoveryCode(app: App, userId: string, text: string): Promise<Proof | null> {
  const hashes = recoveryHashes(app, userId, text)
  if (!(await app.store.factors.hasRecoveryCode(userId, hashes))) return null
  return { amr: ['pwd', 'recovery'], factor: { kind: 'recovery_code', hashes } }
}

/** The key itself counts, or its challenge does: neither signs in twice. */
async function provePasskey(
  app: App,
  challenge: ChallengeRow,
  userId: string,
  assertion: Assertion,
): Promise<Proof | null> {
  const row = await app.store.passkeys.findByCredential(userId, assertion.id)
  const counter = row && (await provenCounter(app, challenge, row, assertion))
  if (!row || counter === null) return null
  return { amr: ['pwd', 'pop'], factor: { kind: 'passkey', id: row.id, counter } }
}

function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
