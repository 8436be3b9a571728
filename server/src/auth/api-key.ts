import { crc32 } from 'node:zlib'
import type { App, Call } from '../context.ts'
import type { ApiKeyRow, Labels, NewApiKey } from '../store/api-keys.ts'
import { momentOrNull } from '../wire/reply.ts'
import { allowed } from './audit.ts'
import { reminderPassed } from './key-life.ts'
import { type KeyLimits, unlimited } from './key-limits.ts'
import { type Keyring, keyedHash } from './keyring.ts'
import { randomBytes, randomId } from './random.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_CHARACTERS = 32
const CHECK_CHARACTERS = 6
const shape = /^ak_[0-9A-Za-z]{38}$/

/** `ak_`, 32 random characters (190 bits) and 6 that check them, so that a typing mistake costs no look-up. */
export function newApiKey(): string {
  const secret = Array.from({ length: RANDOM_CHARACTERS }, randomCharacter).join('')
  return `ak_${secret}${checkOf(secret)}`
}

export interface KeyWish {
  readonly userId: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
  readonly models?: readonly string[] | null
  readonly networks?: readonly string[] | null
  readonly limits?: Partial<KeyLimits>
  readonly labels?: Labels
  /** It never works, and tells its owner who tries it. */
  readonly canary?: true
  /** The label of its own whose keys it pauses then. */
  readonly canaryPausesLabel?: string
  /** The key that makes it, and what is kept of the secret by which it does. */
  readonly parent?: { readonly id: string; readonly hash: string }
  /** Who made it, where it is not its owner. */
  readonly actor?: string
}

/** Makes and keeps a key; null when its owner, or its parent, has as many as one may have. The text is answered and not kept. */
export async function makeApiKey(
  call: Pick<Call, 'now' | 'origin'> & { readonly app: App },
  wish: KeyWish,
): Promise<{ key: string; row: NewApiKey } | null> {
  const { app, now } = call
  const key = newApiKey()
  const [hash = ''] = apiKeyHashes(app.keyring, key)
  const row = {
    id: randomId('key_'),
    user_id: wish.userId,
    name: wish.name.trim(),
    hash,
    ...apiKeyEnds(key),
    scopes: wish.scopes.join(' '),
    created_at: now,
    parent_id: wish.parent?.id ?? null,
    canary_at: wish.canary ? now : null,
    canary_pauses_label: wish.canaryPausesLabel ?? null,
    expires_at: wish.expiresAt,
    reminded_days: reminderPassed(wish.expiresAt, now),
    models: wish.models?.join(' ') ?? null,
    networks: wish.networks?.join(' ') ?? null,
    ...unlimited,
    ...wish.limits,
  }
  const facts = {
    ...(wish.parent ? { parent_id: wish.parent.id } : {}),
    expires_at: momentOrNull(wish.expiresAt),
  }
  const about = { userId: wish.userId, subjectId: row.id, actor: wish.actor ?? null, facts }
  const event = wish.parent
    ? allowed(call, 'key.derived', { ...about, reason: wish.parent.id })
    : allowed(call, 'key.created', about)
  const by = wish.parent?.hash ?? null
  return (await app.store.apiKeys.create(row, by, wish.labels ?? {}, event)) ? { key, row } : null
}

/** From now on this process asks the database again, whichever of its secrets, or its children's, a caller holds. */
export function forgetApiKey(app: App, id: string): void {
  forgetApiKeys(app, (row) => row.id === id || row.parent_id === id)
}

/** The same for all of these. */
export function forgetApiKeys(app: App, which: (row: ApiKeyRow) => boolean): void {
  app.memory.keys.forgetWhere(which)
}

/** Whether this has the form of a key of ours, checksum included; says nothing about its being alive. */
export function isApiKey(text: string): boolean {
  if (!shape.test(text)) return false
  const secret = text.slice(3, 3 + RANDOM_CHARACTERS)
  return text.slice(3 + RANDOM_CHARACTERS) === checkOf(secret)
}

/** What is kept of a key: under the newest secret first. */
export function apiKeyHashes(keyring: Keyring, key: string): string[] {
  return keyring.all.map((keys) => keyedHash(keys.of['api-key'], key))
}

/** What is shown of a key later: `ak_1a2b` and `9z8y`. */
export function apiKeyEnds(key: string): { prefix: string; last4: string } {
  return { prefix: key.slice(0, 7), last4: key.slice(-4) }
}

/** Each of the 62 alike: a byte past the largest multiple of 62 is drawn again. */
function randomCharacter(): string {
  for (;;) {
    const byte = randomBytes(1)[0] ?? 255
    if (byte < 248) return ALPHABET.charAt(byte % 62)
  }
}

function checkOf(secret: string): string {
  let rest = crc32(secret)
  let text = ''
  for (let place = 0; place < CHECK_CHARACTERS; place++) {
    text = ALPHABET.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}
