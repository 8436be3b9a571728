/** What continues a session. */
export interface Tokens {
  /** Proves the session for a day. */
  readonly token: string
  /** Gets another token for 30 days. */
  readonly refreshToken: string
}

/**
 * Where tokens are kept. Write one of your own for another place: three methods, of which none needs a lock. Several
 * processes or tabs may share what is behind it; each reads it again before it refreshes.
 */
export interface TokenStore {
  /** What is kept now; null when nothing is. */
  read(): Promise<Tokens | null>
  write(tokens: Tokens): Promise<void>
  /** At log-out, and when the session has ended. */
  clear(): Promise<void>
}

/** In this process, and gone with it: what a page or a short program needs. */
export function memoryStore(kept: Tokens | null = null): TokenStore {
  let tokens = kept
  return {
    read: async () => tokens,
    write: async (next) => {
      tokens = next
    },
    clear: async () => {
      tokens = null
    },
  }
}
