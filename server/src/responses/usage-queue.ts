import type { LedgerStore, Periods, UsageRow } from '../store/ledger.ts'

const MOST_AT_ONCE = 500

/** Calls that held nothing, on their way to the bill: written in batches, behind the answers. */
export interface UsageQueue {
  add(usage: UsageRow, periods: Periods): void
  /** Whether a call of this key waits to be written. */
  holds(keyId: string): boolean
  /** Resolves when all that was added before is durable. What could not be written stays. */
  flush(): Promise<void>
}

export function createUsageQueue(store: Pick<LedgerStore, 'record'>): UsageQueue {
  let waiting: { usage: UsageRow; periods: Periods }[] = []
  let writing = Promise.resolve()

  const write = async () => {
    while (waiting.length > 0) {
      const calls = waiting.slice(0, MOST_AT_ONCE)
      await store.record(calls)
      waiting = waiting.slice(calls.length)
    }
  }
  return {
    add: (usage, periods) => void waiting.push({ usage, periods }),
    holds: (keyId) => waiting.some(({ usage }) => usage.key_id === keyId),
    flush() {
      writing = writing.catch(() => {}).then(write)
      return writing
    },
  }
}
