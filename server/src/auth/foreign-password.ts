import type { App } from '../context.ts'
import { keyedHash } from './keyring.ts'
import { seal, unseal } from './seal.ts'

/** Stands where others have the pepper's id, which is eight hex digits. */
const MARK = 'foreign$'

/**
 * What is kept of a password that another server hashed, until its owner signs in and it becomes ours. No pepper
 * went into it, so it is encrypted: a stolen table is worth nothing without the secret (security case 48).
 */
export function sealForeignHash(app: App, text: string): string {
  return MARK + seal(app.keyring, text, 'foreign-hash')
}

/** False for a foreign hash whose secret is gone: nobody can prove it any more. */
export function isReadable(app: App, stored: string | null): boolean {
  return !stored?.startsWith(MARK) || openForeignHash(app, stored) !== null
}

/** The hash as the other server made it; null for one of ours. */
export function openForeignHash(app: App, stored: string): string | null {
  if (!stored.startsWith(MARK)) return null
  return unseal(app.keyring, stored.slice(MARK.length), 'foreign-hash')
}

/**
 * A name that nobody has costs what somebody's password costs. Foreign hashes take more or less time than ours: so each
 * name stands for one account, always the same, and a stranger waits for the foreign hash of that one. Null: for ours.
 * Asked for everybody alike; of the hash nothing is used but its time.
 */
export async function standInFor(app: App, name: string): Promise<string | null> {
  return standInOf(await app.store.users.findHashNear(standInId(app, name)))
}

/** Near which id the account is that a name stands for. */
export function standInId(app: App, name: string): string {
  const point = Buffer.from(keyedHash(app.keyring.current.of.name, 'stand-in', name), 'base64url')
  return `usr_${point.toString('hex').slice(0, 32)}`
}

/** The hash that was found there, where it is to be waited for. */
export function standInOf(stored: string | null): string | null {
  return stored?.startsWith(MARK) ? stored : null
}
