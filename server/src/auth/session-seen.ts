import type { Origin } from '../context.ts'
import { latelyUsed } from '../lately-used.ts'
import type { LiveSessionRow, SessionStore, Sighting } from '../store/sessions.ts'

/** How much later than the last time a session must be seen to be worth a write. */
export const SEEN_GRAIN_MS = 60_000
const MOST_WAITING = 100_000
const MOST_AT_ONCE = 50

/** That sessions go on, and from where: noted in memory, written behind the answers. */
export interface Sightings {
  note(session: LiveSessionRow, origin: Origin, now: number): void
  /** Resolves when all that was noted before is durable. What could not be written stays. */
  flush(): Promise<void>
}

export function createSightings(store: Pick<SessionStore, 'see'>): Sightings {
  const waiting = new Map<string, Sighting>()
  const noted = latelyUsed<number>(MOST_WAITING)
  let writing = Promise.resolve()

  const writeOne = async (sighting: Sighting) => {
    await store.see(sighting, SEEN_GRAIN_MS)
    if (waiting.get(sighting.id) === sighting) waiting.delete(sighting.id)
  }
  // Each by itself: a transaction that holds many sessions could wait for one that ends them.
  const write = async () => {
    const due = [...waiting.values()]
    for (let first = 0; first < due.length; first += MOST_AT_ONCE) {
      await Promise.all(due.slice(first, first + MOST_AT_ONCE).map(writeOne))
    }
  }
  return {
    note({ id, last_seen_at }, { source, agent }, now) {
      if (now - last_seen_at < SEEN_GRAIN_MS || waiting.size >= MOST_WAITING) return
      // A row may be remembered for longer than that.
      if (now - (noted.get(id) ?? 0) < SEEN_GRAIN_MS) return
      noted.set(id, now)
      waiting.set(id, { id, at: now, source, agent })
    },
    flush() {
      writing = writing.catch(() => {}).then(write)
      return writing
    },
  }
}
