import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { GUESSES_PER_KEY } from '../limits.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import { deviceName, EmailKey, strict, tolerated, VerificationCode } from '../wire/body.ts'
import { accessFields, RefreshTokenFields, refreshFields, TokenFields } from '../wire/reply.ts'
import { allowed, recordRefusal, refused } from './audit.ts'
import { counter } from './budget.ts'
import { codeOf, findChallenge, guessCounter, hasMoved, spendGuess } from './challenge.ts'
import { deviceToken, newDeviceId } from './device.ts'
import { sameText } from './keyring.ts'
import { type Notice, writeToOwner } from './notice.ts'
import { randomId } from './random.ts'
import { accessToken, newSession, refreshToken } from './session.ts'
import { noticeSurge } from './surge.ts'

export const VerifyBody = Type.Object(
  { email_key: EmailKey, verification_code: VerificationCode, ...tolerated },
  strict,
)

export const VerifyAnswer = Type.Object({
  ...TokenFields,
  ...RefreshTokenFields,
  device_token: Type.String({ description: 'Send it with later logins: it marks this device' }),
  user: Type.Object({
    id: Type.String(),
    email: Type.String(),
    verified: Type.Literal(true),
  }),
})

/** Step two of signing in: the code out of the mail starts a session, exactly once (contract S3). */
export async function verify(
  call: Call<Static<typeof VerifyBody>>,
): Promise<Static<typeof VerifyAnswer>> {
  const { app, body, now } = call
  const guess = String(body.verification_code)
  const challenge = await findChallenge(app, body.email_key, now, ['login', 'registration'])
  requireLength(guess, challenge)

  await spendGuess(app, challenge, now).catch(async (refusal) => {
    await recordRefusal(call, 'code.refused', { reason: 'too_many', userId: challenge.user_id })
    throw refusal
  })
  await requireAlive(call, challenge)
  await requireCode(call, challenge, guess)
  return startSession(call, challenge)
}

/** A code of another length is a slip of the hand: its holder is told, and no guess is spent. */
function requireLength(guess: string, challenge: ChallengeRow): void {
  if (guess.length === challenge.digits) return
  const message = `must have ${challenge.digits} digits`
  throw new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field: 'verification_code', message }] },
    param: 'verification_code',
  })
}

async function requireAlive(call: Call, challenge: ChallengeRow): Promise<void> {
  if (call.now < challenge.code_expires_at) return
  await miss(call, challenge, 'expired')
  throw new ApiError('VERIFICATION_EXPIRED')
}

async function requireCode(call: Call, challenge: ChallengeRow, guess: string): Promise<void> {
  const { app, now } = call
  const code = codeOf(app, challenge)
  if (code && sameText(code, guess)) {
    // Only wrong codes count on the person; on the key the guess stays spent.
    return app.store.budgets.giveBack([guessCounter(app, challenge).key])
  }
  await miss(call, challenge, 'wrong')
  await noticeSurge(app, now)
  if (challenge.attempts + 1 >= GUESSES_PER_KEY) await tellOwner(call, challenge, 'wrong-codes')
  throw new ApiError('INVALID_VERIFICATION_CODE')
}

async function miss(call: Call, { id, user_id }: ChallengeRow, reason: string): Promise<void> {
  const event = refused(call, 'code.refused', { reason, userId: user_id })
  await call.app.store.challenges.miss(id, event)
}

/** A registration has no owner yet. */
async function tellOwner(
  call: Call,
  { user_id, address }: ChallengeRow,
  letter: Notice,
): Promise<void> {
  if (user_id) await writeToOwner(call, { id: user_id, address }, letter)
}

async function startSession(
  call: Call<Static<typeof VerifyBody>>,
  challenge: ChallengeRow,
): Promise<Static<typeof VerifyAnswer>> {
  const { app, body, now } = call
  const moved = hasMoved(challenge, call)
  if (moved && app.config.profile === 'strict') throw new ApiError('INVALID_VERIFICATION_CODE')

  const userId = challenge.user_id ?? randomId('usr_')
  const known = challenge.device_id !== null
  const device = { id: challenge.device_id ?? newDeviceId(), known }
  const { session, refreshId } = newSession(call, userId, device, deviceName(body), [
    'pwd',
    'email',
  ])
  const event = allowed(call, `${challenge.purpose}.verified`, {
    userId,
    subjectId: session.id,
    ...(moved ? { reason: 'moved' } : {}),
  })
  const { challenges, budgets } = app.store
  const consumed = challenge.user_id
    ? await challenges.consumeLogin({ challenge, session, event, now })
    : await challenges.consumeRegistration({ challenge, session, event, now })
  if (!consumed) throw new ApiError('INVALID_VERIFICATION_CODE')

  await budgets.endStreak(counter(app, 'login-account', [userId]).key)
  if (moved) await tellOwner(call, challenge, 'new-place')
  const { token, expiresIn } = accessToken(app, session, now)
  return {
    ...accessFields(token, expiresIn, session.id),
    ...refreshFields(refreshToken(app, session, refreshId, now)),
    device_token: deviceToken(app, device.id),
    user: { id: userId, email: challenge.address, verified: true },
  }
}
