import type { Endings } from './endings.ts'
import { isYoung } from './is-young.ts'
import { Memory, nameOf } from './memory.ts'
import type { KeyHolder, Principal } from './principal.ts'
import type { ClaimRules } from './signed-token.ts'

/** A minute at most: what its owner changed about a key is told by nobody. */
const KEPT_MS = 60_000
/** Of each kind, those that open something and those that do not: strangers drive out nobody's key. */
const MOST_REMEMBERED = 10_000

/** What `POST /v1/auth/introspect` answers. */
export interface Told {
  readonly active: boolean
  readonly sub?: string
  readonly scope?: string
  readonly exp?: number
  readonly iss?: string
  readonly aud?: string
  readonly sid?: string
  readonly amr?: readonly string[]
  readonly key_id?: string
}

export interface Answer {
  /** Null when the credential opens nothing. */
  readonly principal: Principal | null
  readonly askedAt: number
  /** For so long it is believed. */
  readonly keptMs: number
}

export interface IntrospectionParts {
  readonly ask: (token: string) => Promise<Told>
  readonly clock: () => number
  readonly rules: ClaimRules
  readonly endings: Endings
  /** For so long a refusal is believed. */
  readonly intervalMs: number
}

/** Asks the server what a credential is worth, and remembers it for a while. */
export class Introspection {
  readonly #parts: IntrospectionParts
  readonly #alive = new Memory<Answer>(MOST_REMEMBERED)
  readonly #dead = new Memory<Answer>(MOST_REMEMBERED)
  readonly #asking = new Map<string, Promise<Answer>>()

  constructor(parts: IntrospectionParts) {
    this.#parts = parts
  }

  /** What is remembered, as long as nothing was told since then; else what the server says. Throws when it says nothing. */
  async of(credential: string): Promise<Answer> {
    const name = await nameOf(credential)
    const answer = this.#alive.find(name) ?? this.#dead.find(name)
    if (answer && !this.#isOld(answer)) return answer
    return this.#askOnce(name, credential)
  }

  /** What the server says now: for who has not heard for too long to remember anything. */
  async now(credential: string): Promise<Answer> {
    return this.#askOnce(await nameOf(credential), credential)
  }

  #askOnce(name: string, credential: string): Promise<Answer> {
    const running = this.#asking.get(name)
    if (running) return running
    const asked = this.#ask(name, credential).finally(() => this.#asking.delete(name))
    this.#asking.set(name, asked)
    return asked
  }

  async #ask(name: string, credential: string): Promise<Answer> {
    const askedAt = this.#parts.clock()
    const told = await this.#parts.ask(credential)
    const principal = this.#principalOf(told)
    const leftMs = (told.exp ?? Number.POSITIVE_INFINITY) * 1000 - askedAt
    const keptMs = principal ? Math.min(KEPT_MS, leftMs) : this.#parts.intervalMs
    const answer = { principal, askedAt, keptMs }
    for (const memory of [this.#alive, this.#dead]) memory.forget(name)
    const memory = principal ? this.#alive : this.#dead
    memory.keep(name, answer)
    return answer
  }

  #isOld({ principal, askedAt, keptMs }: Answer): boolean {
    if (!isYoung(this.#parts.clock() - askedAt, keptMs)) return true
    if (!principal) return false
    const id = principal.kind === 'key-holder' ? principal.keyId : principal.sessionId
    return this.#parts.endings.isNewsSince(id, askedAt)
  }

  #principalOf(told: Told): Principal | null {
    const { active, sub, sid, iss, aud, amr = [], exp } = told
    const { issuer, audience } = this.#parts.rules
    if (active !== true || sub === undefined) return null
    if (told.key_id !== undefined) return keyHolder(sub, told.key_id, told)
    if (sid === undefined || exp === undefined) return null
    if (iss !== issuer || aud !== audience) return null
    return { kind: 'signed-in', userId: sub, sessionId: sid, amr, expiresAt: new Date(exp * 1000) }
  }
}

function keyHolder(userId: string, keyId: string, { scope = '', exp }: Told): KeyHolder {
  const expiresAt = exp === undefined ? null : new Date(exp * 1000)
  return { kind: 'key-holder', userId, keyId, scopes: scope.split(' ').filter(Boolean), expiresAt }
}
