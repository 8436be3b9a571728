import { createCipheriv, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import { verifySync } from '@node-rs/argon2'
import { compareSync } from 'bcryptjs'
import { type ForeignHash, readForeignHash, refusalOf } from './foreign-hash.ts'

/** bcrypt reads no more: past it, a wrong ending would pass for the right one. */
const BCRYPT_BYTES = 72

/** Whether this is the password behind a hash that another server made; false for one that is not to be run. */
export function verifyForeign(text: string, password: string): boolean {
  const hash = readForeignHash(text)
  if (!hash || refusalOf(hash) !== null) return false
  if (hash.kind === 'argon2') return verifySync(hash.text, password)
  if (hash.kind === 'bcrypt') {
    const right = compareSync(password, hash.text)
    return right && Buffer.byteLength(password) <= BCRYPT_BYTES
  }
  return timingSafeEqual(derive(hash, password), hash.key)
}

function derive(hash: Exclude<ForeignHash, { text: string }>, password: string): Buffer {
  switch (hash.kind) {
    case 'pbkdf2':
      return pbkdf2Sync(password, hash.salt, hash.rounds, hash.key.length, hash.digest)
    case 'scrypt': {
      const typed = hash.form ? password.normalize(hash.form) : password
      return runScrypt(hash, typed, hash.key.length)
    }
    case 'firebase':
      return signFirebase(hash, runScrypt(hash, password, 32))
  }
}

function runScrypt(
  { salt, logN, r, p }: { salt: Buffer; logN: number; r: number; p: number },
  password: string,
  length: number,
): Buffer {
  const cost = 2 ** logN
  return scryptSync(password, salt, length, {
    cost,
    blockSize: r,
    parallelization: p,
    maxmem: 256 * cost * r,
  })
}

/** Firebase encrypts its signer key under what scrypt made of the password, and keeps the result. */
function signFirebase({ signerKey }: { signerKey: Buffer }, derived: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ctr', derived, Buffer.alloc(16))
  return Buffer.concat([cipher.update(signerKey), cipher.final()])
}
