import type { App } from '../context.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { Delivery } from '../store/outbox.ts'
import type { Purpose } from './code.ts'

/** Challenges of somebody who proved a password or a session, and whose own address the letter goes to. */
const proven: readonly Purpose[] = ['login', 'budget_raise']

/**
 * How the letter of a challenge fares. Where anybody may type any address, every letter is told as sent: that one waits
 * or was refused would say whether the address has an account (security cases 17 to 21).
 */
export async function deliveryOf(
  app: App,
  { id, purpose }: Pick<ChallengeRow, 'id' | 'purpose'>,
): Promise<Delivery> {
  const delivery = proven.includes(purpose) ? await app.store.outbox.findDelivery(id) : null
  // A mail that a cap holds back is told like one that is on its way: the caps tell nothing.
  return delivery ?? { state: 'sent', reason: null }
}
