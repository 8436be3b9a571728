import type { TestContext } from 'node:test'
import { memoryStore, type TokenStore, type Tokens } from '../src/index.ts'

export interface SlowStore {
  readonly store: TokenStore
  /** When the slow call has come. */
  readonly begun: Promise<void>
  readonly goOn: () => void
}

/** A store whose first call of this kind is slow: it waits for `goOn`, and others overtake it. */
export function slowStore(
  context: TestContext,
  slow: keyof TokenStore,
  kept: Tokens | null,
): SlowStore {
  const memory = memoryStore(kept)
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  context.after(() => released.resolve())
  let waits = true
  const passing = async (what: keyof TokenStore) => {
    if (what !== slow || !waits) return
    waits = false
    begun.resolve()
    await released.promise
  }
  const store: TokenStore = {
    read: async () => {
      const found = await memory.read()
      await passing('read')
      return found
    },
    write: (tokens) => passing('write').then(() => memory.write(tokens)),
    clear: () => passing('clear').then(() => memory.clear()),
  }
  return { store, begun: begun.promise, goOn: released.resolve }
}
