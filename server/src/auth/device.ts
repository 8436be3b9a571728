import type { App } from '../context.ts'
import { keyedHash, sameText } from './keyring.ts'
import { randomBytes } from './random.ts'

/** A known device is forgotten when it was not used for this long. */
export const KNOWN_FOR_MS = 180 * 86_400_000

export function newDeviceId(): string {
  return `dev_${randomBytes(16).toString('base64url')}`
}

/**
 * The secret that marks a known device (`device_token`): its id and a MAC over it. The id finds, the MAC proves,
 * and neither the database nor a log ever holds the two together.
 */
export function deviceToken(app: App, id: string): string {
  return `${id}.${keyedHash(app.keyring.current.of.device, id)}`
}

/** The id of the device that this token marks, for whomever; null when it is no genuine token. */
export function provenDeviceId(app: App, token: string | undefined): string | null {
  const [id, mac, ...rest] = token?.split('.') ?? []
  if (!id || !mac || rest.length) return null
  const ours = app.keyring.all.some((keys) => sameText(keyedHash(keys.of.device, id), mac))
  return ours ? id : null
}
