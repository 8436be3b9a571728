import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { JWK } from 'jose'

/** How access tokens are signed so that others can verify them (RFC 7518, RFC 8037), and over which digest. */
const digests = { EdDSA: null, ES256: 'sha256', RS256: 'sha256' } as const

export const algorithms = ['EdDSA', 'ES256', 'RS256'] as const
export type Algorithm = (typeof algorithms)[number]

/** What everybody may know of a pair: as `jwks.json` shows it. */
export interface PublicKey {
  readonly kid: string
  readonly alg: Algorithm
  readonly use: 'sig'
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** A pair that signs and verifies. Its private half is in nothing that can be read from here. */
export interface KeyPair {
  readonly id: string
  readonly alg: Algorithm
  readonly publicKey: PublicKey
  /** Base64url. */
  sign(text: string): string
  isGenuine(text: string, signature: string): boolean
}

/** Loaded by the servers that sign so that others can verify. */
const library = () => import('jose')

/** A new pair: its id and its private half as text, to be sealed. */
export async function makeKeyPair(alg: Algorithm): Promise<{ id: string; secret: string }> {
  const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await library()
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { id: await calculateJwkThumbprint(jwk), secret: JSON.stringify({ ...jwk, alg }) }
}

/** The pair of this id and algorithm; null when the text is another's. */
export async function openKeyPair(
  { id, alg }: { readonly id: string; readonly alg: string },
  secret: string,
): Promise<KeyPair | null> {
  const { calculateJwkThumbprint } = await library()
  const jwk: JWK = JSON.parse(secret)
  const known = algorithms.find((each) => each === alg)
  if (!known || jwk.alg !== known || (await calculateJwkThumbprint(jwk)) !== id) return null
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  const encoding = { dsaEncoding: 'ieee-p1363' } as const
  const digest = digests[known]
  return {
    id,
    alg: known,
    publicKey: publicOf(id, known, publicKey.export({ format: 'jwk' })),
    sign: (text) =>
      sign(digest, Buffer.from(text), { key: privateKey, ...encoding }).toString('base64url'),
    isGenuine(text, signature) {
      const bytes = Buffer.from(signature, 'base64url')
      // One spelling of a signature: base64url leaves bits at its end that nobody reads.
      if (bytes.toString('base64url') !== signature) return false
      return verify(digest, Buffer.from(text), { key: publicKey, ...encoding }, bytes)
    },
  }
}

/** Member by member, so that no private one can come along. */
function publicOf(kid: string, alg: Algorithm, jwk: JWK): PublicKey {
  const { kty = '', crv, x, y, n, e } = jwk
  const members = Object.entries({ crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  return { kid, alg, use: 'sig', kty, ...Object.fromEntries(members) }
}
