import type { Call } from '../context.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import { recordRefusal } from './audit.ts'
import { ownCounter } from './budget.ts'
import { challengeIds, personOf, requireLive, requireRoom, spendGuess } from './challenge.ts'
import { randomId } from './random.ts'
import { type Guess, requireFit } from './second-step.ts'

/** A challenge on which a guess is counted, this one included, and what is known of its owner. */
export interface Guessed {
  readonly challenge: ChallengeRow
  /** Null where the challenge makes its owner. */
  readonly owner: { readonly address: string; readonly lastLoginAt: number | null } | null
}

/** Finds the challenge of a key, and counts a guess there that it can take, before anybody compares. */
export async function spendLoginGuess(
  call: Call,
  emailKey: string,
  guess: Guess,
): Promise<Guessed> {
  const { app, now } = call
  const attempted = await app.store.challenges.attempt({
    ids: challengeIds(app, emailKey),
    digits: guess.method === 'email' ? guess.text.length : null,
    account: ownCounter('code-account', '', null),
    device: ownCounter('code-device', '', null),
    now,
    tryId: randomId('try_'),
  })
  const row = requireLive(attempted, now, ['login', 'registration'])
  const { owner_address: address, owner_login_at: lastLoginAt } = row
  const owner = address === null ? null : { address, lastLoginAt }
  if (row.counted > 0) return { challenge: row, owner }
  return { challenge: await spendOtherGuess(call, row, guess), owner }
}

/** A registration pays by its address. Of a login nothing is counted here either: it is told why. */
async function spendOtherGuess(call: Call, row: ChallengeRow, guess: Guess): Promise<ChallengeRow> {
  const { app, now } = call
  const challenge = await requireRoom(app, row)
  requireFit(guess, challenge)
  await spendGuess(app, challenge, now).catch(async (refusal) => {
    const whose = { userId: challenge.user_id, subjectId: personOf(app, challenge) }
    await recordRefusal(call, 'code.refused', { reason: 'too_many', ...whose })
    throw refusal
  })
  return { ...challenge, attempts: challenge.attempts + 1 }
}
