/**
 * Password hashes that other servers made, in the spelling in which they are kept: for bcrypt, argon2 and
 * better-auth their own, for the rest PHC strings with plain base64. What is not read here is not run.
 */
export type ForeignHash =
  | { readonly kind: 'bcrypt'; readonly text: string; readonly rounds: number }
  | ({ readonly kind: 'argon2'; readonly text: string } & Argon2Cost)
  | ({ readonly kind: 'scrypt'; readonly form: 'NFKC' | null } & ScryptCost & Salted)
  | ({ readonly kind: 'pbkdf2'; readonly digest: Digest; readonly rounds: number } & Salted)
  | ({ readonly kind: 'firebase'; readonly signerKey: Buffer } & ScryptCost & Salted)

interface Salted {
  readonly salt: Buffer
  readonly key: Buffer
}

interface Argon2Cost {
  readonly memory: number
  readonly passes: number
  readonly lanes: number
}

interface ScryptCost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** Half a second or so of one core each, and a quarter of a gigabyte: one sign-in may not cost more. */
const MOST_BCRYPT_ROUNDS = 13
const MOST_PBKDF2_ROUNDS = 1_500_000
/** PBKDF2 runs all its rounds again for each of these that its key is long. */
const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof DIGEST_BYTES
/** Of 128 bytes: 128 MiB, or less and more often. */
const MOST_SCRYPT_BLOCKS = 2 ** 20
const MOST_KIB = 262_144
const MOST_KIB_PASSES = 1_048_576
const MOST_LANES = 16
const SHORTEST_KEY = 16
const LONGEST_KEY = 128

const B64 = '[A-Za-z0-9+/]+'
/** Eight bytes of salt and sixteen of key: below that argon2 is not run anywhere. */
const SALT = '[A-Za-z0-9+/]{11,}'
const KEY = '[A-Za-z0-9+/]{22,}'
const bcrypt = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/
const argon2 = new RegExp(
  `^\\$argon2(?:id|i|d)\\$(?:v=(?:16|19)\\$)?m=(\\d{1,9}),t=(\\d{1,9}),p=(\\d{1,9})\\$${SALT}\\$${KEY}$`,
)
const scrypt = new RegExp(
  `^\\$scrypt\\$ln=(\\d{1,2}),r=(\\d{1,4}),p=(\\d{1,4})\\$(${B64})\\$(${B64})$`,
)
const betterAuth = /^\$better-auth\$([0-9a-f]{32}):([0-9a-f]{128})$/
const pbkdf2 = new RegExp(`^\\$pbkdf2-(sha1|sha256|sha512)\\$i=(\\d{1,9})\\$(${B64})\\$(${B64})$`)
const firebase = new RegExp(
  `^\\$firebase-scrypt\\$ln=(\\d{1,2}),r=(\\d{1,4})\\$(${B64})\\$(${B64})\\$(${B64})$`,
)

/** What a text says of itself, or null when it is no hash that we know. */
export function readForeignHash(text: string): ForeignHash | null {
  return (
    readBcrypt(text) ??
    readArgon2(text) ??
    readScrypt(text) ??
    readPbkdf2(text) ??
    readFirebase(text)
  )
}

/** Why a hash is not run, or null when it is worth the work: one that costs too much, or that proves nothing. */
export function refusalOf(hash: ForeignHash): string | null {
  if ('key' in hash) {
    const { salt, key } = hash
    if (salt.length === 0) return 'its hash has no salt'
    if (key.length < SHORTEST_KEY || key.length > LONGEST_KEY) return 'its hash is cut off'
  }
  if (hash.kind === 'firebase' && hash.signerKey.length !== hash.key.length) {
    return 'its hash does not belong to this signer key'
  }
  return isAffordable(hash) ? null : 'its hash costs more than a sign-in may'
}

function isAffordable(hash: ForeignHash): boolean {
  switch (hash.kind) {
    case 'bcrypt':
      return hash.rounds <= MOST_BCRYPT_ROUNDS
    case 'pbkdf2':
      return hash.rounds >= 1 && hash.rounds * blocksOf(hash) <= MOST_PBKDF2_ROUNDS
    case 'argon2': {
      const { memory, passes, lanes } = hash
      const least = passes >= 1 && lanes >= 1 && memory >= 8 * lanes
      return (
        least && memory <= MOST_KIB && memory * passes <= MOST_KIB_PASSES && lanes <= MOST_LANES
      )
    }
    default: {
      const { logN, r, p } = hash
      const blocks = 2 ** logN * r * p
      return logN >= 1 && blocks >= 1 && blocks <= MOST_SCRYPT_BLOCKS
    }
  }
}

function blocksOf({ digest, key }: { digest: Digest; key: Buffer }): number {
  return Math.ceil(key.length / DIGEST_BYTES[digest])
}

function isDigest(name: string | undefined): name is Digest {
  return name !== undefined && Object.hasOwn(DIGEST_BYTES, name)
}

function readBcrypt(text: string): ForeignHash | null {
  const [, rounds] = bcrypt.exec(text) ?? []
  return rounds === undefined ? null : { kind: 'bcrypt', text, rounds: Number(rounds) }
}

function readArgon2(text: string): ForeignHash | null {
  const found = argon2.exec(text)
  if (!found) return null
  const [, memory, passes, lanes] = found
  return {
    kind: 'argon2',
    text,
    memory: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
  }
}

function readScrypt(text: string): ForeignHash | null {
  const [, hex, derived] = betterAuth.exec(text) ?? []
  if (hex && derived) {
    // Its salt is the text of the hex digits, not the bytes that they mean.
    const salted = { salt: Buffer.from(hex, 'utf8'), key: Buffer.from(derived, 'hex') }
    return { kind: 'scrypt', form: 'NFKC', logN: 14, r: 16, p: 1, ...salted }
  }
  const [, logN, r, p, salt, key] = scrypt.exec(text) ?? []
  if (salt === undefined || key === undefined) return null
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) }
  return { kind: 'scrypt', form: null, ...cost, ...salted(salt, key) }
}

function readPbkdf2(text: string): ForeignHash | null {
  const [, digest, rounds, salt, key] = pbkdf2.exec(text) ?? []
  if (!isDigest(digest) || salt === undefined || key === undefined) return null
  return { kind: 'pbkdf2', digest, rounds: Number(rounds), ...salted(salt, key) }
}

function readFirebase(text: string): ForeignHash | null {
  const [, logN, r, salt, signerKey, key] = firebase.exec(text) ?? []
  if (salt === undefined || signerKey === undefined || key === undefined) return null
  return {
    kind: 'firebase',
    signerKey: Buffer.from(signerKey, 'base64'),
    logN: Number(logN),
    r: Number(r),
    p: 1,
    ...salted(salt, key),
  }
}

function salted(salt: string, key: string): Salted {
  return { salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') }
}
