import { Secret, TOTP } from 'otpauth'
import type { App } from '../context.ts'
import { sameText } from './keyring.ts'
import { seal, unseal } from './seal.ts'

/** What every authenticator app understands (RFC 6238); apps ignore anything else silently. */
export const TOTP_SHAPE = { algorithm: 'SHA1', digits: 6, period: 30 } as const

const SECRET_BYTES = 20
const STEP_MS = TOTP_SHAPE.period * 1000

/** A new secret, in base32. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32
}

/** The address that an app reads out of a QR code. */
export function totpUri(app: App, address: string, secret: string): string {
  const { publicUrl } = app.config
  const issuer = publicUrl ? new URL(publicUrl).hostname : 'Freddy'
  return new TOTP({ issuer, label: address, secret, ...TOTP_SHAPE }).toString()
}

/** Encrypted together with its owner: put into another person's row, it opens nothing. */
export function sealTotp(app: App, userId: string, secret: string): string {
  return seal(app.keyring, JSON.stringify({ userId, secret }))
}

export function unsealTotp(app: App, userId: string, sealed: string): string | null {
  const text = unseal(app.keyring, sealed)
  if (text === null) return null
  const kept = JSON.parse(text) as { userId?: unknown; secret?: unknown }
  return kept.userId === userId && typeof kept.secret === 'string' ? kept.secret : null
}

/** The step of time whose code this is: now, the one before or the one after; null at or before `after`. */
export function totpStep(secret: string, code: string, now: number, after: number): number | null {
  const current = Math.floor(now / STEP_MS)
  const steps = [current - 1, current, current + 1].filter((step) =>
    sameText(totpAt(secret, step), code),
  )
  return steps.find((step) => step > after) ?? null
}

function totpAt(secret: string, step: number): string {
  const timestamp = step * STEP_MS
  return TOTP.generate({ secret: Secret.fromBase32(secret), timestamp, ...TOTP_SHAPE })
}
