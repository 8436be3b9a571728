import { isYoung } from './is-young.ts'
import { openKey, type PublicKey, type VerifyingKey } from './signed-token.ts'

/** As `Cache-Control` of `jwks.json` says. */
const KEPT_MS = 300_000
/** However many tokens name keys that nobody knows, the server is asked once in this while. */
const PAUSE_MS = 10_000

export type ReadKeys = () => Promise<{ readonly keys: readonly PublicKey[] }>

/** The server's public keys. Those that were read stay good while it does not answer: the feed says for how long. */
export class KeySet {
  readonly #read: ReadKeys
  readonly #clock: () => number
  #keys: ReadonlyMap<string, VerifyingKey> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #failure: unknown = null
  #renewing: Promise<void> | null = null

  constructor(read: ReadKeys, clock: () => number) {
    this.#read = read
    this.#clock = clock
  }

  /** Whether the server is known to have key pairs. */
  get isAny(): boolean {
    return this.#keys.size > 0
  }

  /** The key of this id, looked up again when it is not known; null when there is none. Throws when nobody can tell. */
  async find(kid: string): Promise<VerifyingKey | null> {
    const now = this.#clock()
    const wanted = !this.#keys.has(kid) || !isYoung(now - this.#readAt, KEPT_MS)
    const mayAsk = this.#renewing !== null || !isYoung(now - this.#triedAt, PAUSE_MS)
    if (wanted && mayAsk) await this.#renew(now)
    const key = this.#keys.get(kid) ?? null
    if (!key && this.#failure !== null) throw this.#failure
    return key
  }

  /** One at a time, for however many ask. */
  #renew(now: number): Promise<void> {
    this.#renewing ??= this.#ask(now)
      .catch((cause: unknown) => {
        this.#failure = cause
      })
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  async #ask(now: number): Promise<void> {
    this.#triedAt = now
    const { keys } = await this.#read()
    const opened = keys.map(async (row) => [String(row.kid), await openKey(row)] as const)
    const pairs = (await Promise.all(opened)).filter(
      (pair): pair is readonly [string, VerifyingKey] => pair[1] !== null,
    )
    this.#keys = new Map(pairs)
    this.#readAt = now
    this.#failure = null
  }
}
