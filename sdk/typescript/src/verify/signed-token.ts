import { RefusedError } from './refusals.ts'

/** Seconds by which two honest clocks may differ. */
const TOLERANCE_S = 30
const MOST_CHARACTERS = 4096
const shape = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** How each algorithm is spelt to the platform; there are no others. */
const algorithms = {
  EdDSA: { import: { name: 'Ed25519' }, verify: { name: 'Ed25519' } },
  ES256: {
    import: { name: 'ECDSA', namedCurve: 'P-256' },
    verify: { name: 'ECDSA', hash: 'SHA-256' },
  },
  RS256: {
    import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    verify: { name: 'RSASSA-PKCS1-v1_5' },
  },
} as const

export type Algorithm = keyof typeof algorithms

/** A public key, and the one algorithm that it is for. */
export interface VerifyingKey {
  readonly alg: Algorithm
  isGenuine(token: string): Promise<boolean>
}

/** A row of `jwks.json`. */
export interface PublicKey {
  readonly kid?: unknown
  readonly alg?: unknown
  readonly kty?: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** A key for the platform; null when it is for an algorithm that is not ours. */
export async function openKey({
  alg,
  kty,
  crv,
  x,
  y,
  n,
  e,
}: PublicKey): Promise<VerifyingKey | null> {
  const known = typeof alg === 'string' && Object.hasOwn(algorithms, alg)
  if (!known) return null
  const { import: imported, verify } = algorithms[alg as Algorithm]
  // Its members alone: platforms differ in how they spell the algorithm of a key.
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(
    ([, value]) => value !== undefined,
  )
  const jwk = Object.fromEntries(members)
  const key = await crypto.subtle.importKey('jwk', jwk, imported, false, ['verify'])
  return {
    alg: alg as Algorithm,
    async isGenuine(token) {
      const last = token.lastIndexOf('.')
      const signature = bytesOf(token.slice(last + 1))
      if (!signature) return false
      const signed = new TextEncoder().encode(token.slice(0, last))
      return crypto.subtle.verify(verify, key, signature, signed)
    },
  }
}

export interface Head {
  readonly alg: string
  readonly kid: string
}

/** What the head of an access token says of its key; null for anything else. Nothing of it is believed yet. */
export function headOf(token: string): Head | null {
  if (token.length > MOST_CHARACTERS || !shape.test(token)) return null
  const head = partOf(token, 0)
  if (head?.typ !== 'at+jwt' || typeof head.alg !== 'string' || typeof head.kid !== 'string') {
    return null
  }
  // RFC 7515: what must be understood and is not makes the token invalid.
  return head.crit === undefined ? { alg: head.alg, kid: head.kid } : null
}

/** RFC 7519 claims; times in seconds. */
export interface Claims {
  /** The user's id. */
  readonly sub: string
  /** The session's id. */
  readonly sid: string
  readonly exp: number
  readonly amr: readonly string[]
}

export interface ClaimRules {
  readonly issuer: string
  readonly audience: string
}

/** What a genuine token says, when it is for us and alive. */
export function claimsOf(token: string, rules: ClaimRules, nowMs: number): Claims {
  const claims = partOf(token, 1)
  const now = nowMs / 1000
  if (!claims || !fits(claims, rules, now)) throw new RefusedError('TOKEN_INVALID')
  const { sub, sid, exp, amr } = claims as unknown as Claims
  if (exp + TOLERANCE_S <= now) throw new RefusedError('TOKEN_EXPIRED')
  return { sub, sid, exp, amr: Array.isArray(amr) ? amr : [] }
}

/** Whether another honest clock may say that it has expired. */
export function isNearlyOver({ exp }: Claims, nowMs: number): boolean {
  return exp - TOLERANCE_S <= nowMs / 1000
}

type Fields = Readonly<Record<string, unknown>>

function fits(
  { iss, aud, sub, sid, exp, iat, nbf }: Fields,
  rules: ClaimRules,
  now: number,
): boolean {
  const begins = [iat, ...(nbf === undefined ? [] : [nbf])]
  return (
    iss === rules.issuer &&
    (aud === rules.audience || (Array.isArray(aud) && aud.includes(rules.audience))) &&
    [sub, sid].every((id) => typeof id === 'string' && id !== '') &&
    Number.isFinite(exp) &&
    begins.every((from) => Number.isFinite(from) && Number(from) <= now + TOLERANCE_S)
  )
}

/** A part of a JWS that is an object; nothing of it is believed yet. */
export function partOf(token: string, place: 0 | 1): Fields | null {
  const bytes = bytesOf(token.split('.')[place] ?? '')
  try {
    const part: unknown =
      bytes && JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof part === 'object' && !Array.isArray(part) ? (part as Fields | null) : null
  } catch {
    return null
  }
}

/** Base64url in its one spelling; null for another. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    const again = btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    return again === text ? Uint8Array.from(plain, (character) => character.charCodeAt(0)) : null
  } catch {
    return null
  }
}
