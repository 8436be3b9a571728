import { latelyUsed } from '../lately-used.ts'
import type { Siblings } from '../processes/siblings.ts'

const MOST_REMEMBERED = 10_000

/** A call that a traffic limit turned away before anybody looked at what it wanted. */
export interface TurnedAway {
  readonly userId: string
  readonly keyId: string | null
  /** The key that made its key. */
  readonly parentId: string | null
  readonly limit: string
  readonly at: number
  readonly resetsAt: number
}

/** The latest of them, by their request ids, in memory only. */
export interface TurnedAwayCalls {
  set(requestId: string, call: TurnedAway): void
  /** Any process of this server may have turned it away. */
  find(requestId: string): Promise<TurnedAway | null>
}

export function createTurnedAway(siblings: Siblings | null): TurnedAwayCalls {
  const own = latelyUsed<TurnedAway>(MOST_REMEMBERED)
  siblings?.hear('turned-away', (requestId) => own.get(String(requestId)))
  return {
    set: (requestId, call) => void own.set(requestId, call),
    async find(requestId) {
      const known = own.get(requestId)
      if (known || !siblings) return known ?? null
      const told = (await siblings.ask('turned-away', requestId)) as (TurnedAway | null)[] | null
      return told?.find((call) => call !== null) ?? null
    },
  }
}
