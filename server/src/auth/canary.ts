import type { App, CanaryUse, Origin } from '../context.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { recordRefusal } from './audit.ts'
import { counter, takeTry } from './budget.ts'
import { hasEnded } from './key-life.ts'
import { ownerLetter } from './notice.ts'

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
  if (!owner || (await takeTry(app, [mails], at)) > 0) return
  const call = { app, origin, now: at }
  const letter = ownerLetter(call, owner.address, 'canary-used', {
    key: `${row.name} (${row.prefix}…${row.last4})`,
  })
  await app.store.outbox.queue({ ...letter, userId: owner.id })
  await recordRefusal(call, 'key.canary', { userId: owner.id, subjectId: row.id })
  app.outbox.poke()
}
