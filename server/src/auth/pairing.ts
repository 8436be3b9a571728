import type { App, Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { NewPairing, PairingRow } from '../store/pairings.ts'
import type { DeviceSaid } from '../store/session-start.ts'
import { allowed, asked, recordRefusal } from './audit.ts'
import { counter, takeTry } from './budget.ts'
import { keyedHash } from './keyring.ts'
import { requireSignedIn } from './principal.ts'
import { randomBytes, randomId } from './random.ts'
import { requireProvenSession } from './strong-session.ts'

const LIFE_MS = 10 * 60_000
const INTERVAL_MS = 5000
/** Who asks too soon waits so much longer from then on (RFC 8628, section 3.5). */
const SLOWER_MS = 5000
/** No vowels, so that no word comes about, and nothing that is taken for another letter or a digit (RFC 8628, section 6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const LETTERS_IN_CODE = 8
/** Two requests with the same letters at once are rare; three times in a row they do not happen. */
const TRIES = 3

/** A request of a device, with the codes that only its answer carries. */
export interface Opened {
  readonly pairing: NewPairing
  readonly deviceCode: string
  readonly userCode: string
}

/** Keeps the request of a device. Its codes are in no row, only their keyed hashes. */
export async function openPairing(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  said: DeviceSaid,
): Promise<Opened> {
  const { app, now } = call
  for (let tried = 0; tried < TRIES; tried++) {
    const opened = newPairing(call, said)
    const event = asked(now, 'pairing.began', opened.pairing.id)
    if (await app.store.pairings.create(opened.pairing, event)) return opened
  }
  throw new ApiError('SERVICE_UNAVAILABLE', { cause: 'Three user codes in a row were taken' })
}

function newPairing(
  { app, origin, now }: Pick<Call, 'app' | 'origin' | 'now'>,
  said: DeviceSaid,
): Opened {
  const deviceCode = randomBytes(32).toString('base64url')
  const userCode = newUserCode()
  const key = app.keyring.current.of.pairing
  const pairing = {
    id: randomId('pair_'),
    device_hash: keyedHash(key, 'device', deviceCode),
    user_hash: keyedHash(key, 'user', lettersOf(userCode)),
    name: said.name,
    platform: said.platform,
    location: said.location,
    source: origin.source,
    agent: origin.agent,
    created_at: now,
    expires_at: now + LIFE_MS,
    interval_ms: INTERVAL_MS,
  }
  return { pairing, deviceCode, userCode }
}

/** `XXXX-XXXX`, every letter as likely as another. */
function newUserCode(): string {
  let letters = ''
  while (letters.length < LETTERS_IN_CODE) {
    const [byte = 0] = randomBytes(1)
    // The largest multiple of the number of letters below 256: a draw past it would favour the first ones.
    if (byte < 256 - (256 % LETTERS.length)) letters += LETTERS[byte % LETTERS.length]
  }
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

/** As people type it: in any case, with or without the dash. */
function lettersOf(typed: string): string {
  return typed.toUpperCase().replace(/[\s-]/g, '')
}

/** The request of this device code, or DEVICE_CODE_INVALID: used and unknown are one answer. */
export async function findPairing(app: App, deviceCode: string): Promise<PairingRow> {
  const row = await app.store.pairings.findByDevice(hashesOf(app, 'device', deviceCode))
  if (!row || row.consumed_at !== null) throw new ApiError('DEVICE_CODE_INVALID')
  return row
}

/** Throws why the device is not let in now. */
export async function requireAnswer(app: App, pairing: PairingRow, now: number): Promise<void> {
  if (now >= pairing.expires_at) throw new ApiError('DEVICE_CODE_EXPIRED')
  if (pairing.denied_at !== null) throw new ApiError('ACCESS_DENIED')
  if (!(await app.store.pairings.poll(pairing.id, now, SLOWER_MS))) throw new ApiError('SLOW_DOWN')
  if (pairing.allowed_at === null) throw new ApiError('AUTHORIZATION_PENDING')
}

/**
 * The request that waits behind the letters which somebody typed, or null. A guess is counted on the account before
 * anybody looks, and given back when it was right.
 */
export async function findTyped(
  call: Call<unknown, unknown, unknown>,
  typed: string,
): Promise<PairingRow | null> {
  const { app, now } = call
  const { userId } = requireSignedIn(call)
  const guesses = counter(app, 'pairing-codes', [userId], userId)
  const waitMs = await takeTry(app, [guesses], now)
  if (waitMs > 0) {
    await recordRefusal(call, 'pairing.refused', { reason: 'too_many', userId })
    throw tooMany('TOO_MANY_VERIFICATION_ATTEMPTS', waitMs)
  }
  const row = await app.store.pairings.findWaiting(hashesOf(app, 'user', lettersOf(typed)), now)
  if (row) await app.store.budgets.giveBack([guesses.key])
  else await recordRefusal(call, 'pairing.refused', { reason: 'wrong', userId })
  return row
}

/** Lets the device in: its next poll starts a session of who allows it. False when somebody answered before. */
export async function allowPairing(
  call: Call<unknown, unknown, unknown>,
  { id }: PairingRow,
): Promise<boolean> {
  const { userId, sessionId, amr } = requireProvenSession(call)
  const event = allowed(call, 'pairing.allowed', { userId, subjectId: id })
  return call.app.store.pairings.allow({ id, userId, sessionId, amr }, event)
}

/** Turns the device away. False when somebody answered before. */
export async function denyPairing(
  call: Call<unknown, unknown, unknown>,
  { id }: PairingRow,
): Promise<boolean> {
  const { userId } = requireSignedIn(call)
  return call.app.store.pairings.deny(
    id,
    allowed(call, 'pairing.denied', { userId, subjectId: id }),
  )
}

function hashesOf(app: App, what: 'device' | 'user', code: string): string[] {
  return app.keyring.all.map((keys) => keyedHash(keys.of.pairing, what, code))
}
