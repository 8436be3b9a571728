import type { App } from '../context.ts'
import type { Counter } from '../store/budgets.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import { counter, ownCounter } from './budget.ts'

/**
 * Who pays for a wrong code: the known device, else the account; where no password was proven, the address. Guesses at
 * a new address are the account's too, and keep nobody from signing in.
 */
export function guessCounter(app: App, challenge: ChallengeRow): Counter {
  const { purpose, address, user_id } = challenge
  if (purpose === 'password_reset') {
    return counter(app, 'recovery-codes', [address], user_id)
  }
  // Somebody else's session must not use up the codes that its owner signs in with.
  if (purpose === 'budget_raise') return counter(app, 'raise-codes', [user_id ?? ''], user_id)
  if (purpose === 'email_change') return counter(app, 'email-codes', [user_id ?? ''], user_id)
  return codeCounter(app, challenge.user_id, challenge.device_id, challenge.address)
}

/** Wrong codes of an account, or of one of its known devices. */
export function codeCounter(
  app: App,
  userId: string | null,
  deviceId: string | null,
  address = '',
): Counter {
  if (deviceId) return ownCounter('code-device', deviceId, userId)
  if (userId) return ownCounter('code-account', userId, userId)
  return counter(app, 'code-account', [address])
}
