import type { App, Call, CanaryUse, Origin } from '../context.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { LikeRow } from '../store/key-pauses.ts'
import { forgetApiKey } from './api-key.ts'
import { allowed, recordRefusal } from './audit.ts'
import { counter, takeTry, waitForAll } from './budget.ts'
import { hasEnded } from './key-life.ts'
import { ownerLetter } from './notice.ts'

/** Keys that a letter names. */
const MOST_NAMED = 10

/**
 * Somebody tried a key that never works. Its answer is that of a key that nobody has, in the same time: all that is done here
 * is to remember it, and the owner hears of it from a job.
 */
export function noteCanary(app: App, row: ApiKeyRow, origin: Origin, now: number): void {
  if (row.canary_at === null || app.canaries.has(row.id)) return
  app.canaries.set(row.id, { row, origin, at: now })
}

/** Writes to the owners of canaries that were tried, once an hour for each. */
export async function tellOfCanaries(app: App): Promise<void> {
  for (const [id, use] of [...app.canaries.entries()]) {
    await tellOwner(app, use)
    app.canaries.delete(id)
  }
}

async function tellOwner(app: App, { row, origin, at }: CanaryUse): Promise<void> {
  if (hasEnded(row, at) || row.paused_at !== null || row.disabled_at !== null) return
  app.keyUses.note(row, origin, at)
  const mails = counter(app, 'canary-mails', [row.id], row.user_id)
  const owner = await app.store.users.find(row.user_id)
  if (!owner || (await waitForAll(app, [mails], at)) > 0) return
  const call = { app, origin, now: at }
  // Before the mail is counted: whoever is cut off between the two pauses again, and tells then.
  const paused = await pauseLike(call, row)
  if ((await takeTry(app, [mails], at)) > 0) return
  const letter = ownerLetter(call, owner.address, 'canary-used', {
    key: spell(row),
    paused: sayPaused(paused),
  })
  await app.store.outbox.queue({ ...letter, userId: owner.id })
  await recordRefusal(call, 'key.canary', { userId: owner.id, subjectId: row.id })
  app.outbox.poke()
}

/** Pauses the keys that bear the same label, in their owner's name. Answers all that a canary holds of them now. */
async function pauseLike(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  { id, user_id: userId, canary_pauses_label: label }: ApiKeyRow,
): Promise<LikeRow[]> {
  const { app } = call
  if (label === null) return []
  for (const key of await app.store.apiKeys.listLike(id, userId)) {
    if (key.paused_at !== null) continue
    const about = { userId, subjectId: key.id, reason: 'canary', facts: { by: 'canary' } }
    const event = allowed(call, 'key.paused', about)
    await app.store.apiKeys.pauseForCanary(key.id, userId, event)
    forgetApiKey(app, key.id)
  }
  const now = await app.store.apiKeys.listLike(id, userId)
  return now.filter(({ paused_by }) => paused_by === 'canary')
}

const spell = ({ name, prefix, last4 }: Pick<ApiKeyRow, 'name' | 'prefix' | 'last4'>) =>
  `${name} (${prefix}…${last4})`

function sayPaused(keys: readonly LikeRow[]): string {
  const more = keys.length > MOST_NAMED ? `, … (+${keys.length - MOST_NAMED})` : ''
  return `${keys.slice(0, MOST_NAMED).map(spell).join(', ')}${more}`
}
