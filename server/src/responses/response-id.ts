import { type Keys, keyedHash, sameText } from '../auth/keyring.ts'
import { randomId } from '../auth/random.ts'
import { seal, unseal } from '../auth/seal.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { latelyUsed } from '../lately-used.ts'
import { ECHO_MODEL } from './echo.ts'

const GENERATION = 8
/** Of a signed id, behind its generation. A sealed one is longer: its nonce and tag alone are as long as a name. */
const NAME = 32
const PROOF = 22
const MOST_PROOFS = 20_000

/** Where a response is, and what it is called there. */
export interface ResponsePlace {
  /** The upstream's name. */
  readonly upstream: string
  readonly id: string
}

/**
 * A response's id on our wire: it holds its owner and its place, encrypted, so nothing is kept and nobody else
 * can use it. To look at it tells nothing.
 */
export function sealResponseId(app: App, ownerId: string, { upstream, id }: ResponsePlace): string {
  const text = JSON.stringify([shortOwner(app, ownerId), upstream, id])
  return `resp_${seal(app.keyring, text, 'response').replace('.', '')}`
}

/**
 * The id of a response that the built-in model made and nobody keeps. It has no place to hide, so behind its name stands
 * its owner's proof (132 bits of an HMAC), the same in all ids of theirs: it is made once, and not for each call.
 */
export function signResponseId({ keyring }: App, ownerId: string): string {
  const { current } = keyring
  return `resp_${current.id}${randomId('')}${knownProof(current, ownerId)}`
}

/** The place of a response of this owner; to anybody else there is none. */
export function openResponseId(app: App, ownerId: string, sealed: string): ResponsePlace {
  const inner = sealed.startsWith('resp_') ? sealed.slice('resp_'.length) : ''
  if (inner.length === GENERATION + NAME + PROOF) return openSigned(app, ownerId, inner)
  const dotted = `${inner.slice(0, GENERATION)}.${inner.slice(GENERATION)}`
  const text = unseal(app.keyring, dotted, 'response')
  const [owner, upstream, id] = text ? (JSON.parse(text) as string[]) : []
  const owners = app.keyring.all.map((keys) => keyedHash(keys.of.response, ownerId).slice(0, 16))
  if (!owner || !upstream || !id || !owners.includes(owner)) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  return { upstream, id }
}

function openSigned({ keyring }: App, ownerId: string, inner: string): ResponsePlace {
  const keys = keyring.find(inner.slice(0, GENERATION))
  const id = inner.slice(GENERATION, GENERATION + NAME)
  if (!keys || !sameText(proofOf(keys, ownerId), inner.slice(GENERATION + NAME))) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  return { upstream: ECHO_MODEL, id }
}

function proofOf({ of }: Keys, ownerId: string): string {
  return keyedHash(of.response, 'signed', ownerId).slice(0, PROOF)
}

/** The proofs of those who called last, each under its owner. */
const proofs = latelyUsed<{ readonly keys: Keys; readonly proof: string }>(MOST_PROOFS)

function knownProof(keys: Keys, ownerId: string): string {
  const known = proofs.get(ownerId)
  if (known?.keys === keys) return known.proof
  const proof = proofOf(keys, ownerId)
  proofs.set(ownerId, { keys, proof })
  return proof
}

/** Short, since the id is in paths; the encryption is what keeps it from being forged. */
function shortOwner(app: App, ownerId: string): string {
  return keyedHash(app.keyring.current.of.response, ownerId).slice(0, 16)
}
