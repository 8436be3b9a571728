import type { IncomingHttpHeaders } from 'node:http'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { Config } from '../../config.ts'

const MINUTE = 60

/** What a browser keeps for us, out of reach of any script, and for how many seconds. */
const kept = {
  /** The refresh token of the session. */
  session: 30 * 24 * 60 * MINUTE,
  /** The email_key of the code that is being asked for. */
  challenge: 60 * MINUTE,
  /** What marks a known device. */
  device: 180 * 24 * 60 * MINUTE,
  /** The language that the person chose. */
  language: 365 * 24 * 60 * MINUTE,
} as const

export type CookieName = keyof typeof kept

export function readCookie(
  config: Config,
  headers: IncomingHttpHeaders,
  name: CookieName,
): string | undefined {
  return parseCookie(headers.cookie ?? '')[nameOf(config, name)] || undefined
}

/** The Set-Cookie that keeps this; null ends it. */
export function setCookie(config: Config, name: CookieName, value: string | null): string {
  return stringifySetCookie({
    name: nameOf(config, name),
    value: value ?? '',
    path: '/',
    maxAge: value === null ? 0 : kept[name],
    httpOnly: true,
    sameSite: 'lax',
    secure: isSecure(config),
  })
}

/** Off loopback a cookie is bound to HTTPS and to this host alone (RFC 6265bis, section 4.1.3.2). */
function nameOf(config: Config, name: CookieName): string {
  return isSecure(config) ? `__Host-freddy-${name}` : `freddy-${name}`
}

function isSecure({ publicUrl }: Config): boolean {
  return publicUrl?.startsWith('https://') ?? false
}
