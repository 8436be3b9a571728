import type { Origin } from '../context.ts'
import { latelyUsed } from '../lately-used.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { FormerUse, KeyUse, KeyUseStore, RefusedUse } from '../store/key-uses.ts'
import { randomId } from './random.ts'

/** Notes that wait to be written, from which on they are written at once. */
const MOST_WAITING = 1000
/** Keys whose latest use is known here. */
const MOST_NOTED = 20_000
/** From the same place a key was used at such a moment or just before: what its owner is shown is that exact. */
const GRAIN_MS = 60_000

type UsedKey = Pick<ApiKeyRow, 'id' | 'last_used_at' | 'last_used_source'>

/** Uses of keys on their way to the database: no call waits for a write, and a busy key is one write a round. */
export interface KeyUses {
  /** Once a minute of each place, by what its row says or was noted here. */
  note(row: UsedKey, origin: Origin, now: number): void
  /** A call with the secret that the key had before. */
  noteFormer(row: Pick<ApiKeyRow, 'id' | 'former_hash'>, origin: Origin, now: number): void
  /** A call with the whole key from outside its networks. */
  noteRefused(row: Pick<ApiKeyRow, 'id'>, origin: Origin, now: number): void
  /** Resolves when all that was noted before is durable. What could not be written stays. */
  flush(): Promise<void>
}

/** The latest of each kind, by what it is counted for. */
interface Notes {
  readonly uses: Map<string, KeyUse>
  readonly former: Map<string, FormerUse>
  readonly refused: Map<string, RefusedUse>
}

export function createKeyUses(store: KeyUseStore, onFailure: (cause: unknown) => void): KeyUses {
  const noted = latelyUsed<KeyUse>(MOST_NOTED)
  let waiting = noNotes()
  let writing = Promise.resolve()

  const write = async () => {
    if (sizeOf(waiting) === 0) return
    const taken = waiting
    waiting = noNotes()
    try {
      await store.record(
        [...taken.uses.values()],
        [...taken.former.values()],
        [...taken.refused.values()],
      )
    } catch (cause) {
      putBack(taken, waiting)
      throw cause
    }
  }
  const flush = () => {
    writing = writing.catch(() => {}).then(write)
    return writing
  }
  const flushWhenMany = () => {
    if (sizeOf(waiting) === MOST_WAITING) flush().catch(onFailure)
  }
  return {
    note({ id, last_used_at, last_used_source }, { source, agent }, at) {
      if (source === last_used_source && at - (last_used_at ?? 0) < GRAIN_MS) return
      // A row may be remembered for longer than that; what still waits to be written is told anew for nothing.
      const latest = noted.get(id)
      const isTold = !waiting.uses.has(id)
      if (isTold && source === latest?.source && at - latest.at < GRAIN_MS) return
      const use = { keyId: id, at, source, agent }
      noted.set(id, use)
      waiting.uses.set(id, use)
      flushWhenMany()
    },
    noteFormer({ id, former_hash }, { source, agent }, at) {
      const formerHash = former_hash ?? ''
      const use = { id: randomId('caller_'), keyId: id, formerHash, at, source, agent, calls: 1 }
      count(waiting.former, `${formerHash} ${source} ${agent}`, use)
      flushWhenMany()
    },
    noteRefused({ id }, { source }, at) {
      count(waiting.refused, id, { keyId: id, at, source, calls: 1 })
      flushWhenMany()
    },
    flush,
  }
}

const noNotes = (): Notes => ({ uses: new Map(), former: new Map(), refused: new Map() })

const sizeOf = ({ uses, former, refused }: Notes) => uses.size + former.size + refused.size

/** What came while it was being written is later, and stays the latest. */
function putBack(taken: Notes, waiting: Notes): void {
  for (const [id, use] of taken.uses) if (!waiting.uses.has(id)) waiting.uses.set(id, use)
  for (const [name, use] of taken.former) count(waiting.former, name, use)
  for (const [id, use] of taken.refused) count(waiting.refused, id, use)
}

function count<Use extends { readonly at: number; readonly calls: number }>(
  notes: Map<string, Use>,
  name: string,
  use: Use,
): void {
  const other = notes.get(name)
  const later = other && other.at > use.at ? other : use
  notes.set(name, { ...later, calls: use.calls + (other?.calls ?? 0) })
}
