import type { App } from '../context.ts'
import { keyedHash } from './keyring.ts'
import { randomBytes } from './random.ts'

export const RECOVERY_CODES = 10

/** Without I, L, O and U: what is copied from paper is read as it was meant. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CHARACTERS = 16

/** Sixteen characters, 80 bits: too many to guess, so a plain keyed hash suffices. */
export function newRecoveryCode(): string {
  const characters = [...randomBytes(CHARACTERS)].map((byte) => ALPHABET.charAt(byte % 32))
  return characters.join('').replace(/(.{4})(?=.)/g, '$1-')
}

/** The one spelling of what was typed; null when it cannot be a code. */
export function spellRecoveryCode(typed: string): string | null {
  const spelt = typed.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replaceAll('O', '0')
  return spelt.length === CHARACTERS && [...spelt].every((one) => ALPHABET.includes(one))
    ? spelt
    : null
}

/** What is kept of a code: under the newest secret first. */
export function recoveryHashes(app: App, userId: string, spelt: string): string[] {
  return app.keyring.all.map((keys) => keyedHash(keys.of.recovery, userId, spelt))
}
