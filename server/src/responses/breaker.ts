const FAILURES = 5
const WITHIN_MS = 10_000
const OPEN_MS = 10_000

/** Stops asking a model server that keeps failing, and asks once every ten seconds whether it is back. */
export interface Breaker {
  /** Milliseconds until somebody may ask again; 0 when the caller may, which then has to say how it went. */
  wait(now: number): number
  /** It failed so often that it is left alone, until somebody finds it back. */
  readonly isOpen: boolean
  succeeded(): void
  failed(now: number): void
}

export function createBreaker(): Breaker {
  let failures: number[] = []
  let openUntil: number | null = null
  return {
    get isOpen() {
      return openUntil !== null
    },
    wait(now) {
      if (openUntil === null) return 0
      if (now < openUntil) return openUntil - now
      // Half open: this caller tries, the others wait for its news.
      openUntil = now + OPEN_MS
      return 0
    },
    succeeded() {
      failures = []
      openUntil = null
    },
    failed(now) {
      if (openUntil !== null) {
        openUntil = now + OPEN_MS
        return
      }
      failures = [...failures.filter((at) => now - at < WITHIN_MS), now]
      if (failures.length >= FAILURES) openUntil = now + OPEN_MS
    },
  }
}
