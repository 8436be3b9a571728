import { ConnectionError } from '../errors.ts'
import { transportOf } from '../options.ts'
import { errorOf } from '../refusal.ts'
import { type Ask, type Answer as Sent, send, type TransportParts } from '../transport.ts'
import { Endings, type EndingsPage } from './endings.ts'
import { type Answer, Introspection, type Told } from './introspection.ts'
import { KeySet } from './key-set.ts'
import { endingsPath, streamPages } from './page-stream.ts'
import { has, type Needs, type Principal } from './principal.ts'
import { type RefusalCode, RefusedError } from './refusals.ts'
import { type Shown, shownAs, shownIn } from './shown.ts'
import { pageOf } from './signed-page.ts'
import {
  type ClaimRules,
  type Claims,
  claimsOf,
  headOf,
  isNearlyOver,
  type PublicKey,
} from './signed-token.ts'

export interface VerifierOptions {
  /** Address of Freddy Auth, ending in `/v1`. */
  readonly baseUrl: string
  /** A key with the scope `tokens:introspect`, which the operator's shell gives. */
  readonly apiKey: string
  /** Who must have made a token: `PUBLIC_URL` of Freddy Auth, or `freddy-auth` where that is not set. */
  readonly issuer: string
  /** Whom a token must be for: `freddy-api`. */
  readonly audience?: string
  /** How long what ended may go unnoticed, in milliseconds: 5,000; a minute at most. */
  readonly intervalMs?: number
  /** How long Freddy Auth may take to answer, in milliseconds: 3,000. */
  readonly timeoutMs?: number
  /** Hears why Freddy Auth could not be asked; no credential is in it. */
  readonly onProblem?: (problem: unknown) => void
  /** In place of the platform's own. */
  readonly fetch?: typeof fetch
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const STANDARD_INTERVAL_MS = 5000
const LONGEST_INTERVAL_MS = 60_000
const STANDARD_TIMEOUT_MS = 3000
/** Before a stream that broke is opened again; longer each time that nothing came. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
const keyShape = /^ak_[0-9A-Za-z]{38}$/

/**
 * Says who calls your own server by a token or an API key of Freddy Auth. Signed tokens are verified here, by the
 * server's public keys and by what it tells of sessions that ended; about API keys, and about tokens of a
 * server that signs by HS256, it is asked. Who cannot know refuses: 503.
 */
export class Verifier {
  readonly #transport: TransportParts
  readonly #options: Pick<VerifierOptions, 'apiKey' | 'onProblem'> & { readonly timeoutMs: number }
  readonly #rules: ClaimRules
  readonly #clock: () => number
  readonly #keys: KeySet
  readonly #endings: Endings
  readonly #introspection: Introspection

  constructor(options: VerifierOptions) {
    const {
      issuer,
      audience = 'freddy-api',
      now = Date.now,
      intervalMs = STANDARD_INTERVAL_MS,
      timeoutMs = STANDARD_TIMEOUT_MS,
    } = options
    const pause = Math.min(intervalMs, LONGEST_INTERVAL_MS)
    this.#transport = transportOf({ ...options, retries: 0 })
    this.#options = { ...options, timeoutMs }
    this.#rules = { issuer, audience }
    this.#clock = now
    this.#keys = new KeySet(() => this.#readKeys(), now)
    this.#endings = new Endings((after) => this.#readEndings(after), now, pause)
    this.#introspection = new Introspection({
      ask: (token) => this.#introspect(token),
      clock: now,
      rules: this.#rules,
      endings: this.#endings,
      intervalMs: pause,
    })
  }

  /** Hears what ended. Nobody has to call it; at the start of a server it says whether address and key are right. */
  async listen(): Promise<void> {
    await this.#endings.listen()
  }

  /**
   * Hears what ends as it ends, until the signal: then it goes unnoticed for a moment, and nobody waits for a look. A
   * stream that breaks is opened again, and meanwhile it is looked every `intervalMs`.
   */
  async follow(signal: AbortSignal): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS
    const { apiKey, timeoutMs } = this.#options
    const pages = (after: string | null) => {
      const read = async (text: string, from: string | null) => {
        const page = await this.#pageOf(text, from)
        pauseMs = FIRST_PAUSE_MS
        return page
      }
      return streamPages(this.#transport, { apiKey, timeoutMs, after, signal, read })
    }
    while (!signal.aborted) {
      await this.#endings.follow(pages).catch((problem: unknown) => {
        if (!signal.aborted) this.#note(problem)
      })
      await this.#transport.wait(pauseMs, signal).catch(() => {})
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }

  /** Who sends these headers, each a name with its value. Throws a `RefusedError`. */
  async admit(headers: Iterable<readonly [string, string]>, needs: Needs = {}): Promise<Principal> {
    return this.#admit(shownIn(headers), needs)
  }

  /** Who holds this token or key, where it came in no header of a request. Throws a `RefusedError`. */
  async verify(credential: string, needs: Needs = {}): Promise<Principal> {
    return this.#admit(shownAs(credential), needs)
  }

  async #admit(shown: Shown, needs: Needs): Promise<Principal> {
    const principal = await this.#find(shown).catch((cause: unknown) => {
      if (cause instanceof RefusedError) throw cause
      this.#note(cause)
      throw new RefusedError('SERVICE_UNAVAILABLE')
    })
    if (!has(principal, needs)) throw new RefusedError('INSUFFICIENT_PERMISSIONS')
    return principal
  }

  async #find({ kind, text }: Shown): Promise<Principal> {
    if (kind === 'token') return this.#findByToken(text)
    if (!keyShape.test(text)) throw new RefusedError('INVALID_API_KEY')
    return alive(await this.#ask(text), 'INVALID_API_KEY')
  }

  async #findByToken(token: string): Promise<Principal> {
    const head = headOf(token)
    if (!head) throw new RefusedError('TOKEN_INVALID')
    // Only its maker can verify it.
    if (head.alg === 'HS256') return alive(await this.#ask(token), 'TOKEN_INVALID')
    const key = await this.#keys.find(head.kid)
    const isGenuine = key?.alg === head.alg && (await key.isGenuine(token))
    if (!isGenuine) throw new RefusedError('TOKEN_INVALID')
    const claims = claimsOf(token, this.#rules, this.#clock())
    const isHeard = await this.#isHeard()
    if (isHeard && !this.#endings.isListed(claims.sid)) return signedIn(claims)
    return this.#findListed(token, claims)
  }

  /** A session that a panic ended may have come back. */
  async #findListed(token: string, claims: Claims): Promise<Principal> {
    if (this.#endings.isFinal(claims.sid)) throw new RefusedError('TOKEN_INVALID')
    const answer = await this.#ask(token)
    // What the end of a token is told for says nothing of its session.
    const tellsOfSession = !answer.principal && !isNearlyOver(claims, answer.askedAt)
    if (tellsOfSession) this.#endings.confirm(claims.sid, answer.askedAt)
    return alive(answer, 'TOKEN_INVALID')
  }

  /** What was answered before holds only for who hears what ended since. */
  async #ask(credential: string): Promise<Answer> {
    const isHeard = await this.#isHeard()
    return isHeard ? this.#introspection.of(credential) : this.#introspection.now(credential)
  }

  #isHeard(): Promise<boolean> {
    return this.#endings.isHeard((problem) => this.#note(problem))
  }

  /** Who lets somebody in, or turns them away, is not whoever is told why. */
  #note(problem: unknown): void {
    try {
      this.#options.onProblem?.(problem)
    } catch {
      // It was told.
    }
  }

  /** A server that signs by HS256 has none. */
  async #readKeys(): Promise<{ keys: readonly PublicKey[] }> {
    const baseUrl = this.#transport.baseUrl.replace(/\/v1$/, '')
    const answer = await this.#send(
      { ...this.#transport, baseUrl },
      'GET',
      '/.well-known/jwks.json',
    )
    return answer.status === 404 ? { keys: [] } : bodyOf(answer)
  }

  async #readEndings(after: string | null): Promise<EndingsPage> {
    const { apiKey, timeoutMs } = this.#options
    const ask = { method: 'GET', path: endingsPath(after), timeoutMs, repeats: 'never' } as const
    const answer = await send(this.#transport, ask, {
      'api-key': apiKey,
      Accept: 'application/jwt, application/json',
    })
    if (answer.status !== 200) throw errorOf(answer)
    return this.#pageOf(answer.text, after)
  }

  async #pageOf(text: string, after: string | null): Promise<EndingsPage> {
    const rules = { issuer: this.#rules.issuer, keys: this.#keys, after, nowMs: this.#clock() }
    try {
      return await pageOf(text, rules)
    } catch (cause) {
      if (cause instanceof TypeError) throw cause
      throw new ConnectionError('The answer is not from a Freddy Auth server', { cause })
    }
  }

  async #introspect(token: string): Promise<Told> {
    return bodyOf(await this.#send(this.#transport, 'POST', '/auth/introspect', { token }))
  }

  #send(parts: TransportParts, method: Ask['method'], path: string, body?: object): Promise<Sent> {
    const { apiKey, timeoutMs } = this.#options
    const ask = { method, path, timeoutMs, repeats: 'never', ...(body ? { body } : {}) } as const
    return send(parts, ask, { 'api-key': apiKey })
  }
}

function bodyOf<T>(answer: Sent): T {
  if (answer.status !== 200) throw errorOf(answer)
  try {
    return JSON.parse(answer.text)
  } catch (cause) {
    throw new ConnectionError('The answer is not from a Freddy Auth server', { cause })
  }
}

function alive({ principal }: Answer, code: RefusalCode): Principal {
  if (!principal) throw new RefusedError(code)
  return principal
}

function signedIn({ sub, sid, amr, exp }: Claims): Principal {
  return { kind: 'signed-in', userId: sub, sessionId: sid, amr, expiresAt: new Date(exp * 1000) }
}
