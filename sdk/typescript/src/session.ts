import { type Credential, isSessionEnd, type Renewal } from './credential.ts'
import { NotSignedInError } from './errors.ts'
import type { TokenStore, Tokens } from './token-store.ts'
import { within } from './transport.ts'

/** Asks the server for another access token; answers what to keep from now on. */
export type Refresh = (refreshToken: string) => Promise<Tokens>

/** How long a store may take: a key chain may ask the person first. */
const STORE_MS = 60_000

/**
 * One signed-in session. Only the server says that its token is over; then one refresh serves everybody who waits. The
 * store is read before it, and again when it was refused: another tab or process may have been faster.
 */
export class Session implements Credential {
  readonly #store: TokenStore
  readonly #refresh: Refresh
  #held: Tokens | null = null
  /** What the last sign-in, refresh or log-out would have the store keep. */
  #wanted: Tokens | null = null
  /** What was forgotten last: a store that could not be cleared does not bring it back. */
  #forgotten: Tokens | null = null
  /** Counts those, for who read the store before one of them. */
  #generation = 0
  /** How many are busy with the store. */
  #settling = 0
  #renewing: Promise<Renewal> | null = null

  constructor(store: TokenStore, refresh: Refresh) {
    this.#store = store
    this.#refresh = refresh
  }

  headers(): Readonly<Record<string, string>> {
    return headersOf(this.#requireHeld())
  }

  async load(): Promise<void> {
    // After a log-out, what the store still keeps is not ours any more.
    if (this.#held || this.#settling > 0) return
    const generation = this.#generation
    const kept = await this.#read()
    // Somebody signed in or out meanwhile: that counts.
    if (generation !== this.#generation || isSame(kept, this.#forgotten)) return
    this.#held ??= kept
  }

  async renew(refused: Readonly<Record<string, string>>): Promise<Renewal> {
    const held = this.#requireHeld()
    if (headersOf(held).Authorization !== refused.Authorization) return 'adopted'
    return this.#renewOnce(held)
  }

  async refreshNow(): Promise<void> {
    await this.load()
    await this.#renewOnce(this.#requireHeld())
  }

  requireKeeping(): void {}

  async keep(tokens: Tokens): Promise<void> {
    await this.#settle(tokens)
  }

  async forget(): Promise<void> {
    this.#forgotten = this.#held ?? this.#forgotten
    await this.#settle(null)
    this.#forgotten = null
  }

  /** A store may end what it was asked in any order: whoever finds that another wish came meanwhile repeats that one. */
  async #settle(tokens: Tokens | null): Promise<void> {
    this.#held = this.#wanted = tokens
    this.#generation++
    this.#settling++
    try {
      for (let settled: Tokens | null | undefined; settled !== this.#wanted; ) {
        settled = this.#wanted
        const asked = settled ? this.#store.write(settled) : this.#store.clear()
        await within(STORE_MS, 'The token store', asked)
      }
    } finally {
      this.#settling--
    }
  }

  #requireHeld(): Tokens {
    if (!this.#held) throw new NotSignedInError()
    return this.#held
  }

  #read(): Promise<Tokens | null> {
    return within(STORE_MS, 'The token store', this.#store.read())
  }

  #renewOnce(held: Tokens): Promise<Renewal> {
    this.#renewing ??= this.#renew(held).finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  async #renew(held: Tokens): Promise<Renewal> {
    if (await this.#adopt(held)) return 'adopted'
    try {
      const next = await this.#refresh(held.refreshToken)
      // Somebody signed out or in meanwhile: that counts.
      if (this.#held === held) await this.keep(next)
      return 'refreshed'
    } catch (cause) {
      if (!isSessionEnd(cause)) throw cause
      if (await this.#adopt(held)) return 'adopted'
      if (this.#held === held) await this.forget()
      throw cause
    }
  }

  /** Takes tokens from the store that are not those we hold. */
  async #adopt(held: Tokens): Promise<boolean> {
    const kept = await this.#read()
    if (!kept || isSame(kept, held) || this.#held !== held) return this.#held !== held
    this.#held = kept
    return true
  }
}

function isSame(one: Tokens | null, other: Tokens | null): boolean {
  return one?.token === other?.token && one?.refreshToken === other?.refreshToken
}

function headersOf({ token }: Tokens) {
  return { Authorization: `Bearer ${token}` }
}
