import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { GUESSES_PER_KEY } from '../limits.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { Told } from '../store/told.ts'
import { deviceSaid, EmailKey, RecoveryCode, StepCode, strict, tolerated } from '../wire/body.ts'
import {
  accessFields,
  moment,
  RefreshTokenFields,
  refreshFields,
  TokenFields,
} from '../wire/reply.ts'
import { allowed, type Decision, refused } from './audit.ts'
import { ownCounter } from './budget.ts'
import { hasMoved, personOf } from './challenge.ts'
import { deviceToken, newDeviceId } from './device.ts'
import { guessCounter } from './guess-budget.ts'
import { type Guessed, spendLoginGuess } from './login-guess.ts'
import { type About, type Notice, noticeOf, writeToOwner } from './notice.ts'
import { AssertionBody } from './passkey.ts'
import { type Guess, methods, type Proof, prove, readGuess } from './second-step.ts'
import { accessToken, newSession, refreshToken } from './session.ts'
import { noticeSurge } from './surge.ts'

export const VerifyBody = Type.Object(
  {
    email_key: EmailKey,
    method: Type.Optional(
      Type.Union(
        methods.map((method) => Type.Literal(method)),
        { description: 'How this step is passed; without it by the mailed code' },
      ),
    ),
    verification_code: Type.Optional(StepCode),
    recovery_code: Type.Optional(RecoveryCode),
    passkey: Type.Optional(AssertionBody),
    ...tolerated,
  },
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

/** Step two of signing in: the mailed code, or another proof, starts a session, exactly once (contract S3). */
export async function verify(
  call: Call<Static<typeof VerifyBody>>,
): Promise<Static<typeof VerifyAnswer>> {
  const { body } = call
  const guess = readGuess(body)
  const { challenge, owner } = await spendLoginGuess(call, body.email_key, guess)
  await requireAlive(call, challenge)
  const proof = await requireProof(call, challenge, guess)
  return startSession(call, { challenge, owner }, proof)
}

async function requireAlive(call: Call, challenge: ChallengeRow): Promise<void> {
  if (call.now < challenge.code_expires_at) return
  await miss(call, challenge, 'expired')
  throw new ApiError('VERIFICATION_EXPIRED')
}

async function requireProof(call: Call, challenge: ChallengeRow, guess: Guess): Promise<Proof> {
  const { app, now } = call
  const proof = await prove(app, challenge, guess, now)
  if (proof) return proof
  await miss(call, challenge, 'wrong')
  await noticeSurge(app, now)
  if (challenge.attempts >= GUESSES_PER_KEY) await tellOwner(call, challenge, 'wrong-codes')
  throw new ApiError('INVALID_VERIFICATION_CODE')
}

async function miss(call: Call, challenge: ChallengeRow, reason: string): Promise<void> {
  const event = refused(call, 'code.refused', { reason, ...whose(call, challenge) })
  await call.app.store.challenges.miss(challenge.id, event)
}

function whose({ app }: Call, challenge: ChallengeRow): Decision {
  return { userId: challenge.user_id, subjectId: personOf(app, challenge) }
}

/** A registration has no owner yet. */
async function tellOwner(
  call: Call,
  { user_id, address }: ChallengeRow,
  letter: Notice,
  about: About = {},
): Promise<void> {
  if (user_id) await writeToOwner(call, { id: user_id, address }, letter, about)
}

async function startSession(
  call: Call<Static<typeof VerifyBody>>,
  { challenge, owner }: Guessed,
  { amr, factor }: Proof,
): Promise<Static<typeof VerifyAnswer>> {
  const { app, body, now } = call
  // Only wrong codes count on the person; on the key the guess stays spent.
  const spent = guessCounter(app, challenge).key
  const moved = hasMoved(challenge, call)
  if (moved && app.config.profile === 'strict') {
    await app.store.budgets.giveBack([spent])
    throw new ApiError('INVALID_VERIFICATION_CODE')
  }

  const userId = personOf(app, challenge)
  const known = challenge.device_id !== null
  const device = { id: challenge.device_id ?? newDeviceId(), known }
  const { session, refreshId } = newSession(call, userId, device, deviceSaid(body), amr)
  const reasons = [moved && 'moved', factor?.kind].filter(Boolean).join(' ')
  const event = allowed(call, `${challenge.purpose}.verified`, {
    userId,
    subjectId: session.id,
    facts: { email: challenge.address, expires_at: moment(session.expiresAt) },
    ...(reasons ? { reason: reasons } : {}),
  })
  const { challenges } = app.store
  const tellsAnyway = moved || factor?.kind === 'recovery_code'
  const ifNew = tellsAnyway ? null : newDeviceNotice(call, { challenge, owner })
  const streak = ownCounter('login-account', userId, userId).key
  const used = { challenge, session, event, ifNew, streak, spent, now }
  const consumed = challenge.user_id
    ? await challenges.consumeLogin({ ...used, factor })
    : await challenges.consumeRegistration({ ...used, factor: null })
  if (!consumed) {
    // The mailed code goes with its challenge; another proof may have been used on another one.
    if (factor) await miss(call, challenge, 'used')
    throw new ApiError('INVALID_VERIFICATION_CODE')
  }

  if (ifNew) app.outbox.poke()
  if (moved) await tellOwner(call, challenge, 'new-place')
  if (factor?.kind === 'recovery_code') {
    await tellOwner(call, challenge, 'factors', { change: 'recovery-code-used' })
  }
  const { token, expiresIn } = accessToken(app, session, now)
  return {
    ...accessFields(token, expiresIn, session.id),
    ...refreshFields(refreshToken(app, session, refreshId, now)),
    device_token: deviceToken(app, device.id),
    user: { id: userId, email: challenge.address, verified: true },
  }
}

/** What the owner reads when a device that is not known signs in at a new place; nothing at the first sign-in of all. */
function newDeviceNotice(call: Call, { challenge, owner }: Guessed): Told | null {
  const { user_id: id, device_id } = challenge
  if (!id || device_id || !owner || owner.lastLoginAt === null) return null
  return noticeOf(call, { id, address: owner.address }, 'new-device')
}
