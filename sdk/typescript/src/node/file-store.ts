import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TokenStore, Tokens } from '../token-store.ts'
import { type Places, placesOf } from './places.ts'
import { createPrivate, readPrivate, writePrivate } from './private-file.ts'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface FileStoreOptions {
  /** 32 bytes of one's own, from a secret manager; a file of its own keeps one when absent. */
  readonly key?: Uint8Array
  readonly places?: Places
}

/**
 * Keeps the tokens of one server in a file (0600) that is encrypted. Its key is in another folder, so that a copy of
 * either says nothing; it protects from nobody who can read both. Processes may share it.
 */
export function fileStore(
  baseUrl: string,
  { key, places = placesOf(process.platform, process.env) }: FileStoreOptions = {},
): TokenStore & { readonly path: string } {
  const name = createHash('sha256').update(baseUrl).digest('hex').slice(0, 32)
  const path = join(places.state, 'sessions', name)
  const keyOf = async () =>
    key ?? (await createPrivate(join(places.config, 'session.key'), randomBytes(KEY_BYTES)))
  return {
    path,
    async read() {
      const bytes = await readPrivate(path)
      return bytes && unseal(await keyOf(), baseUrl, bytes)
    },
    async write(tokens) {
      await writePrivate(path, seal(await keyOf(), baseUrl, tokens))
    },
    async clear() {
      await rm(path, { force: true })
    },
  }
}

/** Bound to its server: tokens of one do not become those of another by a renamed file. */
function seal(key: Uint8Array, baseUrl: string, { token, refreshToken }: Tokens): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(baseUrl))
  const text = JSON.stringify({ token, refreshToken })
  const sealed = [cipher.update(text, 'utf8'), cipher.final()]
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed])
}

/** Null for what this key did not seal: whoever finds that signs in again. */
function unseal(key: Uint8Array, baseUrl: string, bytes: Buffer): Tokens | null {
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
  try {
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(baseUrl))
      .setAuthTag(tag)
    const sealed = bytes.subarray(NONCE_BYTES + TAG_BYTES)
    return JSON.parse(Buffer.concat([decipher.update(sealed), decipher.final()]).toString())
  } catch {
    return null
  }
}
