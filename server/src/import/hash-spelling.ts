const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/**
 * A hash as it is kept (workers/foreign-hash.ts), from any of the spellings in which servers and libraries write
 * one; null for what none of them writes. What it costs is not looked at here.
 */
export function spellHash(text: string, hasher = ''): string | null {
  const spelt = text.trim()
  if (/^\$2[aby]\$/.test(spelt) || /^\$argon2/.test(spelt)) return spelt.replace(/=+(?=\$|$)/g, '')
  if (/^\$scrypt\$ln=/.test(spelt)) return spelt.replace(/=+(?=\$|$)/g, '')
  if (/^[0-9a-f]{32}:[0-9a-f]{128}$/.test(spelt)) return `$better-auth$${spelt}`
  if (hasher === 'scrypt_firebase') return spellClerkFirebase(spelt)
  return spellPassLib(spelt) ?? spellPhcPbkdf2(spelt) ?? spellDjango(spelt, hasher)
}

export function spellPbkdf2(
  digest: string,
  rounds: number,
  salt: string,
  key: string,
): string | null {
  const [cleanSalt, cleanKey] = [plain(salt), plain(key)]
  if (!cleanSalt || !cleanKey || !Number.isSafeInteger(rounds)) return null
  return `$pbkdf2-${digest}$i=${rounds}$${cleanSalt}$${cleanKey}`
}

/** What a Firebase project says of its hashes, as its console shows it. */
export interface FirebaseParameters {
  readonly signerKey: string
  readonly saltSeparator: string
  readonly rounds: number
  readonly memCost: number
}

export function spellFirebase(
  parameters: FirebaseParameters,
  salt: string,
  key: string,
): string | null {
  const { signerKey, saltSeparator, rounds, memCost } = parameters
  const parts = [salt, saltSeparator, signerKey, key].map(plain)
  const [one, other, signer, derived] = parts
  if (!one || other === null || other === undefined || !signer || !derived) return null
  // The salt that scrypt gets is salt and separator, one after the other.
  const joined = Buffer.concat([one, other].map((part) => Buffer.from(part, 'base64')))
  return `$firebase-scrypt$ln=${memCost},r=${rounds}$${bare(joined)}$${signer}$${derived}`
}

/** `<hash>$<salt>$<signer key>$<separator>$<rounds>$<memory cost>`. */
function spellClerkFirebase(text: string): string | null {
  const [key = '', salt = '', signerKey = '', saltSeparator = '', rounds, memCost, ...more] =
    text.split('$')
  if (more.length > 0) return null
  const parameters = { signerKey, saltSeparator, rounds: Number(rounds), memCost: Number(memCost) }
  return spellFirebase(parameters, salt, key)
}

/** passlib's own base64 has a dot for the plus. */
function spellPassLib(text: string): string | null {
  const [, digest = 'sha1', rounds, salt, key] =
    /^\$pbkdf2(?:-(sha256|sha512))?\$(\d+)\$([A-Za-z0-9./]+)\$([A-Za-z0-9./]+)$/.exec(text) ?? []
  if (!salt || !key) return null
  return spellPbkdf2(digest, Number(rounds), salt.replaceAll('.', '+'), key.replaceAll('.', '+'))
}

function spellPhcPbkdf2(text: string): string | null {
  const [, digest, rounds, salt = '', key = ''] =
    /^\$pbkdf2-(sha1|sha256|sha512)\$i=(\d+)(?:,l=\d+)?\$([^$]+)\$([^$]+)$/.exec(text) ?? []
  return digest ? spellPbkdf2(digest, Number(rounds), salt, key) : null
}

/** Django writes the salt as it is; Clerk writes the same words with a salt in base64, and a SHA-1 in hex. */
function spellDjango(text: string, hasher: string): string | null {
  const [, digest = '', rounds, salt = '', key = ''] =
    /^pbkdf2_(sha1|sha256|sha512)\$(\d+)\$([^$]+)\$([^$]+)$/.exec(text) ?? []
  if (!digest) return null
  const isEncoded = hasher === 'pbkdf2_sha256' || hasher === 'pbkdf2_sha512'
  const isHex = hasher === 'pbkdf2_sha1' && /^[0-9a-f]{40}$/.test(key)
  return spellPbkdf2(
    digest,
    Number(rounds),
    isEncoded ? salt : bare(Buffer.from(salt, 'utf8')),
    isHex ? bare(Buffer.from(key, 'hex')) : key,
  )
}

const bare = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

/** Plain base64 without padding, from either alphabet; null for anything else, which Node would read with gaps. */
function plain(text: string): string | null {
  const digits = text.replace(/=+$/, '')
  if (!BASE64.test(text) || digits.length % 4 === 1) return null
  return digits.replaceAll('-', '+').replaceAll('_', '/')
}
