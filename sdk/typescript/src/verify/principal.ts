/** Somebody with a session: they may do whatever a person may. */
export interface SignedIn {
  readonly kind: 'signed-in'
  readonly userId: string
  readonly sessionId: string
  /** How they signed in (RFC 8176). */
  readonly amr: readonly string[]
  /** When the token in hand ends; the session may go on. */
  readonly expiresAt: Date
}

/** A program with an API key: it may do what the key's scopes say. */
export interface KeyHolder {
  readonly kind: 'key-holder'
  /** The key's owner. */
  readonly userId: string
  readonly keyId: string
  readonly scopes: readonly string[]
  /** Null when the key never ends. */
  readonly expiresAt: Date | null
}

/** Who calls. */
export type Principal = SignedIn | KeyHolder

/** What a call takes beside a credential that is alive. */
export interface Needs {
  /** A key must have all of these; whoever is signed in has every scope. */
  readonly scopes?: readonly string[]
}

export function has(principal: Principal, { scopes = [] }: Needs): boolean {
  return principal.kind === 'signed-in' || scopes.every((scope) => principal.scopes.includes(scope))
}
