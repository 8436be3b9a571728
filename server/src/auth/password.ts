import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { UserRow } from '../store/users.ts'
import { hashOfNothing } from '../workers/hash-cost.ts'
import { HasherBusy } from '../workers/hasher.ts'
import { isReadable, openForeignHash } from './foreign-password.ts'

const MOST_CODE_POINTS = 256
const MOST_BYTES = 1024
const SHORTEST = { standard: 8, strict: 15 } as const

/**
 * The spelling that is hashed: OpaqueString (RFC 8265) composes characters and turns every space into a plain one.
 * Null when it cannot be a password: a lone surrogate, or the NUL at which others would cut it off.
 */
export function spellPassword(text: string): string | null {
  if (!text.isWellFormed() || text.includes('\0')) return null
  return text.replace(/\p{Zs}/gu, ' ').normalize('NFC')
}

/** How many characters a password needs at least. */
export function shortestPassword({ config }: App): number {
  return SHORTEST[config.profile]
}

/** Throws unless somebody may choose this password (security rule 11); answers its spelling. */
export async function requireGoodPassword(
  app: App,
  text: string,
  context: readonly string[],
): Promise<string> {
  const spelt = spellPassword(text)
  if (spelt === null) throw weak('It holds characters that cannot be typed again')
  const length = [...spelt].length
  const shortest = shortestPassword(app)
  if (length < shortest) throw weak(`It needs at least ${shortest} characters`)
  if (length > MOST_CODE_POINTS || Buffer.byteLength(spelt) > MOST_BYTES) {
    throw weak(`It may have at most ${MOST_CODE_POINTS} characters and ${MOST_BYTES} bytes`)
  }
  if (await isGuessable(spelt, context)) throw weak('It is one of those that are guessed first')
  return spelt
}

/** Refuses before anything is read or counted: a try that finds no place in the queue would only be given back. */
export function requireHasher({ hasher }: App): Promise<void> {
  return admitted(async () => hasher.requirePlace())
}

/** The hash to keep: the pepper's id, then argon2id's own text. */
export async function hashPassword(app: App, spelt: string): Promise<string> {
  const { id } = app.keyring.current
  return `${id}$${await admitted(() => app.hasher.hash(pepper(app, id, spelt)))}`
}

/**
 * Whether this is the user's password. A stranger, or a user without one, costs the same hash (security rule 8):
 * that of the stand-in where there is one (auth/foreign-password.ts).
 */
export async function isPassword(
  app: App,
  user: UserRow | null,
  text: string,
  standIn: string | null,
): Promise<boolean> {
  const spelt = spellPassword(text)
  const own = user?.password_hash ?? null
  const stored =
    (isReadable(app, own) ? own : null) ?? standIn ?? `${app.keyring.current.id}$${hashOfNothing()}`
  const right = await admitted(() => proves(app, stored, text, spelt ?? ''))
  return right && spelt !== null && user?.password_hash === stored
}

/** What another server hashed is proven as it was typed; ours as it is spelt. */
async function proves(app: App, stored: string, typed: string, spelt: string): Promise<boolean> {
  const foreign = openForeignHash(app, stored)
  if (foreign) return app.hasher.verifyForeign(foreign, typed)
  const { pepperId, hash } = splitHash(stored)
  return app.hasher.verify(hash, pepper(app, pepperId, spelt))
}

/**
 * Moves a proven password to argon2id under the newest pepper; wrong ones never get here. The hash that is proven now:
 * who finds another one in the row finds another password.
 */
export async function refreshHash(app: App, user: UserRow, text: string): Promise<string> {
  const stored = user.password_hash ?? ''
  if (stored === '' || splitHash(stored).pepperId === app.keyring.current.id) return stored
  const better = await hashPassword(app, spellPassword(text) ?? '').catch(whenBusy)
  if (better === null) return stored
  return (await app.store.users.rehash(user.id, stored, better)) ? better : stored
}

async function isGuessable(spelt: string, context: readonly string[]): Promise<boolean> {
  const { commonPasswords } = await import('./common-passwords.ts')
  const lower = spelt.toLowerCase()
  if (commonPasswords.has(lower) || new Set(lower).size < 3) return true
  const words = ['freddy', ...context.flatMap((text) => [text, text.split('@')[0] ?? ''])]
  return words
    .map((word) => word.toLowerCase())
    .filter((word) => word.length >= 3 && lower.includes(word))
    .some((word) => lower.replaceAll(word, '').length < 4)
}

/** Under the pepper a password is 43 harmless characters, however long and odd it was. */
function pepper(app: App, id: string, spelt: string): string {
  const keys = app.keyring.find(id) ?? app.keyring.current
  return createHmac('sha256', keys.of.pepper).update(spelt).digest('base64url')
}

function splitHash(stored: string): { pepperId: string; hash: string } {
  const end = stored.indexOf('$')
  return { pepperId: stored.slice(0, end), hash: stored.slice(end + 1) }
}

/** Refusals are held back a moment: answered at once, waiting clients would only ask five times as often. */
async function admitted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof HasherBusy)) throw cause
    await wait(250 + Math.random() * 250)
    const { code, details = {}, headers } = tooMany('SERVICE_UNAVAILABLE', 1000)
    throw new ApiError(code, { details, headers, cause })
  }
}

/** Somebody who may come in does not wait outside for that: the next sign-in makes the better hash. */
function whenBusy(cause: unknown): null {
  if (cause instanceof ApiError && cause.code === 'SERVICE_UNAVAILABLE') return null
  throw cause
}

function weak(reason: string): ApiError {
  return new ApiError('WEAK_PASSWORD', { details: { reason }, param: 'password' })
}
