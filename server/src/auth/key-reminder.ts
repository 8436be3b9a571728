import type { App } from '../context.ts'
import { reminders } from './key-life.ts'
import { ownerLetter } from './notice.ts'

const MOST_AT_ONCE = 500
/** Nobody asked for it: the server writes by itself. */
const origin = { address: '', source: '', network: null, agent: '' }

/** Writes to the owners of keys that end soon: 14 days ahead and 2 days ahead, once each. The number of letters. */
export async function remindOwners(app: App, now: number): Promise<number> {
  let written = 0
  // The latest first: who is told of two days is not told of fourteen after it.
  for (const days of reminders.toReversed()) {
    for (const key of await app.store.keyReminders.listDue(now, days, MOST_AT_ONCE)) {
      const letter = ownerLetter({ app, origin, now }, key.address, 'key-ending', {
        key: `${key.name} (${key.prefix}…${key.last4})`,
        endsAt: key.expires_at,
        usedAt: key.last_used_at,
      })
      await app.store.keyReminders.remind(key, days, letter)
      written += 1
    }
  }
  if (written > 0) app.outbox.poke()
  return written
}
