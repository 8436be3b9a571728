import { createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import { hmacSha256 } from './hmac.ts'

const purposes = [
  'access',
  'refresh',
  'code',
  'pepper',
  'letter',
  'api-key',
  'challenge',
  'session',
  'device',
  'name',
  'backup',
  'link',
  'response',
  'recovery',
  'passkey',
  'foreign-hash',
  'signing',
  'pairing',
  'deploy-check',
  'webhook',
] as const

export type Purpose = (typeof purposes)[number]

/**
 * The keys of one generation of the secret: one for each purpose, none usable for another. They are key objects: Node
 * makes one of a Buffer at each call, which costs four times the hash itself.
 */
export interface Keys {
  /** Names the generation in tokens and password hashes; tells nothing of the secret. */
  readonly id: string
  readonly of: Readonly<Record<Purpose, KeyObject>>
  /** Kept in the database, so that a start with another secret is noticed. */
  readonly check: string
}

/** The first generation makes everything new, every generation still proves what it made. */
export interface Keyring {
  readonly current: Keys
  readonly all: readonly Keys[]
  find(id: string): Keys | null
}

/** Derives the keys from the roots, newest first (HKDF-SHA-256, RFC 5869). */
export function createKeyring(roots: readonly string[]): Keyring {
  const all = roots.map(deriveKeys)
  const [current] = all
  if (!current) throw new Error('A keyring needs at least one secret')
  const byId = new Map(all.map((keys) => [keys.id, keys]))
  return { current, all, find: (id) => byId.get(id) ?? null }
}

function deriveKeys(root: string): Keys {
  const derive = (label: string) =>
    Buffer.from(hkdfSync('sha256', root, '', `freddy-auth/1/${label}`, 32))
  const entries = purposes.map((purpose) => [purpose, createSecretKey(derive(purpose))])
  return {
    id: derive('id').toString('hex').slice(0, 8),
    of: Object.fromEntries(entries) as Record<Purpose, KeyObject>,
    check: derive('check').toString('base64url'),
  }
}

/** HMAC-SHA-256 of the parts, which cannot run into each other; base64url, 43 characters. */
export function keyedHash(key: KeyObject, ...parts: readonly string[]): string {
  const mac = macs.get(key) ?? hmacSha256(key.export())
  macs.set(key, mac)
  return mac(parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''))
}

/** Prepared once for each key. */
const macs = new WeakMap<KeyObject, ReturnType<typeof hmacSha256>>()

/** Equality in a time that depends on the length alone. */
export function sameText(one: string, other: string): boolean {
  const left = Buffer.from(one)
  const right = Buffer.from(other)
  return left.length === right.length && timingSafeEqual(left, right)
}
