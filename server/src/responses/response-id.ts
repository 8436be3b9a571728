import { type Keys, keyedHash, sameText } from '../auth/keyring.ts'
import { randomId } from '../auth/random.ts'
import { seal, unseal } from '../auth/seal.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { ECHO_MODEL } from './echo.ts'

const GENERATION = 8
/** Of a signed id, behind its generation. A sealed one is longer: its nonce and tag alone are as long as a name. */
const NAME = 32
const PROOF = 22

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
 * The id of a response that the built-in model made and nobody keeps. It has no place to hide, so it says by a proof whose
 * it is (132 bits of an HMAC): a third of the time that sealing takes.
 */
export function signResponseId({ keyring }: App, ownerId: string): string {
  const { current } = keyring
  const name = randomId('')
  return `resp_${current.id}${name}${proofOf(current, ownerId, name)}`
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
  if (!keys || !sameText(proofOf(keys, ownerId, id), inner.slice(GENERATION + NAME))) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  return { upstream: ECHO_MODEL, id }
}

function proofOf({ of }: Keys, ownerId: string, name: string): string {
  return keyedHash(of.response, 'signed', ownerId, name).slice(0, PROOF)
}

/** Short, since the id is in paths; the encryption is what keeps it from being forged. */
function shortOwner(app: App, ownerId: string): string {
  return keyedHash(app.keyring.current.of.response, ownerId).slice(0, 16)
}
