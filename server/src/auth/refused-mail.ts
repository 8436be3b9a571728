import type { App } from '../context.ts'
import type { OutboxRow } from '../store/outbox.ts'
import { undeliverable } from './audit.ts'

/** Letters refused within the time: nobody reads this address. */
const MOST_REFUSED = 3
const WITHIN_MS = 30 * 86_400_000

/**
 * Notes that a mail server refused a letter to somebody who has an account, and at the third that nothing reaches them.
 * Who asked for the letter hears nothing of it: they may be anybody.
 */
export async function noteRefusedMail(app: App, row: OutboxRow, now: number): Promise<void> {
  const userId = await ownerOf(app, row)
  if (!userId) return
  const { audit } = app.store
  await audit.record(undeliverable(now, 'mail.refused', userId))
  const about = { userId, event: 'mail.refused', outcome: null, before: null, after: null }
  const noted = await audit.search({ ...about, most: MOST_REFUSED + 1 })
  const recent = noted.filter(({ happened_at }) => happened_at > now - WITHIN_MS)
  if (recent.length !== MOST_REFUSED) return
  await audit.record(undeliverable(now, 'mail.unreachable', userId))
  app.log.warn({ event: 'mail.unreachable', userId })
}

async function ownerOf({ store }: App, row: OutboxRow): Promise<string | null> {
  if (!row.challenge_id) return row.user_id
  return (await store.challenges.find([row.challenge_id]))?.user_id ?? null
}
