import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Keyring, Purpose } from './keyring.ts'
import { randomBytes } from './random.ts'

const NONCE = 12
const TAG = 16

/** Text that only this server can read again (AES-256-GCM); the generation of keys stands in front. */
export function seal(keyring: Keyring, text: string, purpose: Purpose = 'letter'): string {
  const { id, of } = keyring.current
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', of[purpose], nonce)
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return `${id}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
}

/** What was sealed, or null when it was not by us. */
export function unseal(
  keyring: Keyring,
  sealed: string,
  purpose: Purpose = 'letter',
): string | null {
  const [id = '', body = ''] = sealed.split('.')
  const keys = keyring.find(id)
  if (!keys) return null
  const bytes = Buffer.from(body, 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', keys.of[purpose], bytes.subarray(0, NONCE))
    decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG))
    return decipher.update(bytes.subarray(NONCE + TAG), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return null
  }
}
