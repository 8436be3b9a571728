import type { Origin } from '../context.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { KeyUse, KeyUseStore, RefusedUse } from '../store/key-uses.ts'

/** Keys with a use that is not written yet, from which it is written at once. */
const MOST_WAITING = 1000

/** Uses of keys on their way to the database: no call waits for a write, and a busy key is one write a round. */
export interface KeyUses {
  note(row: Pick<ApiKeyRow, 'id'>, origin: Origin, now: number): void
  /** A call with the whole key from outside its networks. */
  noteRefused(row: Pick<ApiKeyRow, 'id'>, origin: Origin, now: number): void
  /** Resolves when all that was noted before is durable. What could not be written stays. */
  flush(): Promise<void>
}

export function createKeyUses(store: KeyUseStore, onFailure: (cause: unknown) => void): KeyUses {
  let uses = new Map<string, KeyUse>()
  let refusals = new Map<string, RefusedUse>()
  let writing = Promise.resolve()

  const write = async () => {
    if (uses.size + refusals.size === 0) return
    const [written, refused] = [uses, refusals]
    uses = new Map()
    refusals = new Map()
    try {
      await store.record([...written.values()], [...refused.values()])
    } catch (cause) {
      uses = new Map([...written, ...uses])
      for (const refusal of refused.values()) addRefusal(refusals, refusal)
      throw cause
    }
  }
  const flush = () => {
    writing = writing.catch(() => {}).then(write)
    return writing
  }
  const flushWhenMany = () => {
    if (uses.size + refusals.size === MOST_WAITING) flush().catch(onFailure)
  }
  return {
    note({ id }, { source, agent }, now) {
      uses.set(id, { keyId: id, at: now, source, agent })
      flushWhenMany()
    },
    noteRefused({ id }, { source }, now) {
      addRefusal(refusals, { keyId: id, at: now, source, calls: 1 })
      flushWhenMany()
    },
    flush,
  }
}

function addRefusal(refusals: Map<string, RefusedUse>, one: RefusedUse): void {
  const other = refusals.get(one.keyId)
  const later = other && other.at > one.at ? other : one
  refusals.set(one.keyId, { ...later, calls: one.calls + (other?.calls ?? 0) })
}
