import type { EndingsPage } from './endings.ts'
import type { KeySet } from './key-set.ts'
import { partOf } from './signed-token.ts'

const AUDIENCE = 'freddy-revocations'
/** An older page tells nothing, and one of tomorrow is no page; clocks may differ by so much. */
const MOST_AGE_S = 60

interface Rules {
  readonly issuer: string
  readonly keys: KeySet
  /** What the page is to continue. */
  readonly after: string | null
  readonly nowMs: number
}

/**
 * A page of what ended, as the server signed it: all of it, young, and what comes next. A server that signs tokens by
 * HS256 signs no pages; one that has key pairs does, and a page without a signature is not its.
 */
export async function pageOf(text: string, rules: Rules): Promise<EndingsPage> {
  if (text.startsWith('{')) {
    if (rules.keys.isAny) throw new TypeError('What ended is told without a signature')
    return JSON.parse(text)
  }
  const [head, claims] = [partOf(text, 0), partOf(text, 1)]
  const isPage = head?.typ === 'revocations+jwt' && head.crit === undefined
  const key = isPage ? await rules.keys.find(String(head.kid)) : null
  const isGenuine = key?.alg === head?.alg && (await key?.isGenuine(text))
  if (!isGenuine || !claims) throw new TypeError('What ended is told by somebody else')
  const age = rules.nowMs / 1000 - Number(claims.iat)
  const isMine = claims.iss === rules.issuer && claims.aud === AUDIENCE
  if (!isMine || !(Math.abs(age) <= MOST_AGE_S)) throw new TypeError('What ended is told too late')
  if (claims.after !== rules.after) throw new TypeError('Something of what ended is missing')
  return claims as unknown as EndingsPage
}
