import { createHmac } from 'node:crypto'
import type { Keys } from './keyring.ts'

/** What a challenge is for; part of its code, so that no code serves two purposes. */
export type Purpose = 'login' | 'registration' | 'password_reset' | 'budget_raise' | 'email_change'

/**
 * The code of a challenge, derived from what names it, so that it is stored nowhere (security rule 2).
 * Uniform over all numbers of that many digits whose first is not 0, so a JSON number carries it whole (S2).
 */
export function deriveCode(
  keys: Keys,
  challenge: { id: string; purpose: Purpose; generation: number; digits: number },
): string {
  const { id, purpose, generation, digits } = challenge
  const lowest = 10 ** (digits - 1)
  const span = 9 * lowest
  // The largest multiple of the span below 2^48: a draw past it would favour the low codes.
  const fair = Math.floor(2 ** 48 / span) * span
  for (let round = 0; ; round++) {
    const draw = createHmac('sha256', keys.of.code)
      .update(`${purpose}\n${id}\n${generation}\n${digits}\n${round}`)
      .digest()
      .readUIntBE(0, 6)
    if (draw < fair) return String(lowest + (draw % span))
  }
}
