import type { App } from '../context.ts'
import type { LetterFacts } from '../mail/letters.ts'
import { reminders } from './key-life.ts'
import { type Notice, ownerLetter } from './notice.ts'

const MOST_AT_ONCE = 500
/** Nobody asked for it: the server writes by itself. */
const origin = { address: '', source: '', network: null, agent: '' }

type Owned = { readonly user_id: string; readonly address: string }

/** Writes to the owners of keys that end soon, or whose old secret does and is still in use. The number of letters. */
export async function remindOwners(app: App, now: number): Promise<number> {
  let written = 0
  const letter = (key: Owned, name: Notice, facts: Partial<LetterFacts>) => {
    written += 1
    const words = ownerLetter({ app, origin, now }, key.address, name, facts)
    return { ...words, userId: key.user_id }
  }
  // The latest first: who is told of two days is not told of fourteen after it.
  for (const days of reminders.toReversed()) {
    for (const key of await app.store.keyReminders.listDue(now, days, MOST_AT_ONCE)) {
      const facts = {
        key: `${key.name} (${key.prefix}…${key.last4})`,
        endsAt: key.expires_at,
        usedAt: key.last_used_at,
      }
      const words = letter(key, 'key-ending', facts)
      await app.store.keyReminders.remind(key, days, words)
    }
  }
  for (const key of await app.store.keyReminders.listRetiring(now, MOST_AT_ONCE)) {
    const facts = {
      key: `${key.name} (${key.former_prefix}…${key.former_last4})`,
      endsAt: key.former_ends_at,
      usedAt: key.former_heard_at,
    }
    await app.store.keyReminders.warn(key, letter(key, 'old-secret-in-use', facts))
  }
  if (written > 0) app.outbox.poke()
  return written
}
