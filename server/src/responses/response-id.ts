import { keyedHash } from '../auth/keyring.ts'
import { seal, unseal } from '../auth/seal.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'

const GENERATION = 8

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

/** The place of a response of this owner; to anybody else there is none. */
export function openResponseId(app: App, ownerId: string, sealed: string): ResponsePlace {
  const inner = sealed.startsWith('resp_') ? sealed.slice('resp_'.length) : ''
  const dotted = `${inner.slice(0, GENERATION)}.${inner.slice(GENERATION)}`
  const text = unseal(app.keyring, dotted, 'response')
  const [owner, upstream, id] = text ? (JSON.parse(text) as string[]) : []
  const owners = app.keyring.all.map((keys) => keyedHash(keys.of.response, ownerId).slice(0, 16))
  if (!owner || !upstream || !id || !owners.includes(owner)) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  return { upstream, id }
}

/** Short, since the id is in paths; the encryption is what keeps it from being forged. */
function shortOwner(app: App, ownerId: string): string {
  return keyedHash(app.keyring.current.of.response, ownerId).slice(0, 16)
}
