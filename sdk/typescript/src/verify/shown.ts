import { RefusedError } from './refusals.ts'

/** The one credential of a request. */
export interface Shown {
  readonly kind: 'token' | 'key'
  readonly text: string
}

/** Every header that Freddy Auth takes a credential from. */
const names = ['authorization', 'api-key', 'x-api-key', 'freddy-session']

/**
 * What a request shows: one credential, in one header, once. Two are refused, whatever either is worth, so that no proxy
 * and no server before or behind this one picks the other.
 */
export function shownIn(headers: Iterable<readonly [string, string]>): Shown {
  const sent = [...headers].filter(([name]) => names.includes(name.toLowerCase()))
  const [only] = sent
  if (!only) throw new RefusedError('AUTHENTICATION_REQUIRED')
  const [name, value] = only
  const inAuthorization = name.toLowerCase() === 'authorization'
  if (sent.length > 1 || isTwice(value, inAuthorization))
    throw new RefusedError('AMBIGUOUS_CREDENTIALS')
  if (name.toLowerCase().endsWith('api-key')) return { kind: 'key', text: value }
  const [, text] = (inAuthorization && /^bearer ([!-~]+)$/i.exec(value)) || []
  if (text === undefined) throw new RefusedError('AUTHENTICATION_REQUIRED')
  return shownAs(text)
}

/** By its look: OpenAI's clients send an API key as a bearer. */
export function shownAs(text: string): Shown {
  return { kind: text.startsWith('ak_') ? 'key' : 'token', text }
}

/** The platform joins what came twice by a comma, which is in no credential of ours. */
function isTwice(value: string, inAuthorization: boolean): boolean {
  return value.includes(',') && (!inAuthorization || /bearer/i.test(value))
}
