import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import { recordRefusal, refused } from './audit.ts'
import { codeOf, spendGuess } from './challenge.ts'
import { guessCounter } from './guess-budget.ts'
import { sameText } from './keyring.ts'

/** A code of another length is a slip of the hand: its holder is told, and no guess is spent. */
export function requireLength(guess: string, challenge: ChallengeRow): void {
  if (guess.length === challenge.digits) return
  const message = `must have ${challenge.digits} digits`
  throw new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field: 'verification_code', message }] },
    param: 'verification_code',
  })
}

/** Whether this is the challenge's code: counted before it is compared. Wrong and expired are one answer. */
export async function requireCode(
  call: Call,
  challenge: ChallengeRow,
  guess: string,
): Promise<void> {
  const { app, now } = call
  const userId = challenge.user_id
  await spendGuess(app, challenge, now).catch(async (refusal) => {
    await recordRefusal(call, 'code.refused', { reason: 'too_many', userId })
    throw refusal
  })
  const code = now < challenge.code_expires_at ? codeOf(app, challenge) : null
  if (code && userId && sameText(code, guess)) {
    return app.store.budgets.giveBack([guessCounter(app, challenge).key])
  }
  const reason = code ? 'wrong' : 'expired'
  await app.store.challenges.miss(challenge.id, refused(call, 'code.refused', { reason, userId }))
  throw new ApiError('INVALID_VERIFICATION_CODE')
}
