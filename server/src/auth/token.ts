import { ApiError } from '../errors.ts'
import { latelyUsed } from '../lately-used.ts'
import { hmacSha256 } from './hmac.ts'
import type { KeyPair } from './key-pair.ts'
import { type Keyring, type Keys, sameText } from './keyring.ts'
import type { EndReason } from './session-end.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Seconds by which two honest clocks may differ. */
const TOLERANCE_S = 30
const MOST_CHARACTERS = 4096
const MOST_REMEMBERED = 20_000
const CLAIMS = 7

export type TokenKind = 'access' | 'refresh'

/** RFC 7519 claims; times in seconds. Nothing personal is in a token. */
export interface Claims {
  readonly iss: string
  readonly aud: string
  /** The user's id. */
  readonly sub: string
  /** The session's id. */
  readonly sid: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  /** How the session's person signed in (RFC 8176); in access tokens alone. */
  readonly amr?: readonly string[]
}

export interface Tokens {
  sign(kind: TokenKind, claims: Omit<Claims, 'iss' | 'aud'>): string
  /** The claims of a token that is ours, of this kind and alive; else TOKEN_EXPIRED or TOKEN_INVALID. */
  check(kind: TokenKind, token: string, nowMs: number): Claims
}

export interface TokenRules {
  readonly keyring: Keyring
  /** Key pairs of access tokens; refresh tokens are for this server alone and stay under its secret. */
  readonly signingKeys: Pick<SigningKeys, 'current' | 'all'>
  readonly issuer: string
  readonly audience: string
  /** The longest life of each kind, in seconds. */
  readonly longest: Readonly<Record<TokenKind, number>>
}

const types = { access: 'at+jwt', refresh: 'rt+jwt' } as const

/**
 * JWTs (RFC 7515, RFC 7519, RFC 9068), by HS256 or a key pair. Each kind has its own key and its own header, and a header
 * must equal ours byte for byte: it names its key and that key's algorithm, so there is none to choose and none to
 * confuse.
 */
export function createTokens(rules: TokenRules): Tokens {
  const signers = {
    access: createSigners('access', rules),
    refresh: createSigners('refresh', rules),
  }
  const pairs = createPairSigners(rules.signingKeys)
  const known = latelyUsed<Claims>(MOST_REMEMBERED)
  const signerOf = (kind: TokenKind, header: string) =>
    signers[kind].byHeader.get(header) ?? (kind === 'access' ? pairs.find(header) : undefined)

  return {
    sign(kind, claims) {
      const all: Claims = { iss: rules.issuer, aud: rules.audience, ...claims }
      const signer = (kind === 'access' ? pairs.current() : undefined) ?? signers[kind].current
      const text = `${signer.header}.${Buffer.from(JSON.stringify(all)).toString('base64url')}`
      return `${text}.${signer.sign(text)}`
    },

    check(kind, token, nowMs) {
      const remembered = kind === 'access' ? known.get(token) : undefined
      const claims = remembered ?? readClaims(token, (header) => signerOf(kind, header))
      // What is remembered did fit; of all that it says only its times are looked at again.
      if (!claims || !(remembered || fits(claims, kind, rules))) throw new ApiError('TOKEN_INVALID')
      if (claims.iat > nowMs / 1000 + TOLERANCE_S) throw new ApiError('TOKEN_INVALID')
      if (claims.exp + TOLERANCE_S <= nowMs / 1000) throw expired(kind)
      if (kind === 'access' && !remembered) known.set(token, claims)
      return claims
    },
  }
}

/** An access token is renewed; a refresh token ends with its session, so that is why. */
function expired(kind: TokenKind): ApiError {
  return new ApiError(
    'TOKEN_EXPIRED',
    kind === 'refresh' ? { details: { reason: 'expired' satisfies EndReason } } : {},
  )
}

interface Signer {
  readonly header: string
  sign(text: string): string
  isGenuine(text: string, signature: string): boolean
}

function createSigners(kind: TokenKind, rules: TokenRules) {
  const signer = (keys: Keys): Signer => {
    const mac = hmacSha256(keys.of[kind].export())
    return {
      header: headerOf('HS256', kind, keys.id),
      sign: mac,
      isGenuine: (text, signature) => sameText(mac(text), signature),
    }
  }
  const byHeader = new Map<string, Signer>()
  for (const keys of rules.keyring.all) {
    const made = signer(keys)
    byHeader.set(made.header, made)
  }
  return { current: signer(rules.keyring.current), byHeader }
}

/** The key pairs as they are now: they are replaced as a whole when they are renewed. */
function createPairSigners(signingKeys: TokenRules['signingKeys']) {
  let of: readonly KeyPair[] = []
  let byHeader: ReadonlyMap<string, Signer> = new Map()
  const headerOfPair = ({ alg, id }: KeyPair) => headerOf(alg, 'access', id)
  const find = (header: string) => {
    const { all } = signingKeys
    if (all !== of) {
      byHeader = new Map(all.map((pair) => [headerOfPair(pair), signerOf(pair)]))
      of = all
    }
    return byHeader.get(header)
  }
  const signerOf = (pair: KeyPair): Signer => ({
    header: headerOfPair(pair),
    sign: pair.sign,
    isGenuine: pair.isGenuine,
  })
  const current = () => (signingKeys.current ? signerOf(signingKeys.current) : undefined)
  return { current, find }
}

function headerOf(alg: string, kind: TokenKind, kid: string): string {
  return Buffer.from(JSON.stringify({ alg, typ: types[kind], kid })).toString('base64url')
}

/** What a genuine token says, else null. Nothing is decoded before the signature was right. */
function readClaims(
  token: string,
  signerOf: (header: string) => Signer | undefined,
): Claims | null {
  if (token.length > MOST_CHARACTERS) return null
  const first = token.indexOf('.')
  const last = token.lastIndexOf('.')
  if (first < 0 || last === first) return null
  const signer = signerOf(token.slice(0, first))
  if (!signer?.isGenuine(token.slice(0, last), token.slice(last + 1))) return null
  try {
    return JSON.parse(Buffer.from(token.slice(first + 1, last), 'base64url').toString())
  } catch {
    return null
  }
}

function fits(claims: Claims, kind: TokenKind, rules: TokenRules): boolean {
  const named = [claims.sub, claims.sid, claims.jti].every((id) => typeof id === 'string' && id)
  const timed = Number.isSafeInteger(claims.iat) && Number.isSafeInteger(claims.exp)
  return (
    // Exactly our claims: a claim that nobody here reads (nbf, crit ...) must not be promised to anybody.
    Object.keys(claims).length === CLAIMS + (claims.amr === undefined ? 0 : 1) &&
    (claims.amr === undefined || (kind === 'access' && isWays(claims.amr))) &&
    named &&
    timed &&
    claims.iss === rules.issuer &&
    claims.aud === rules.audience &&
    claims.exp > claims.iat &&
    claims.exp - claims.iat <= rules.longest[kind]
  )
}

function isWays(amr: unknown): boolean {
  return Array.isArray(amr) && amr.length > 0 && amr.every((way) => typeof way === 'string')
}
