import { type Static, Type } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { counter, waitForAll } from '../auth/budget.ts'
import { codeLetter, findChallenge, newChallenge, newEmailKey } from '../auth/challenge.ts'
import { requireCode, requireLength } from '../auth/guess.ts'
import { randomId } from '../auth/random.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { forgetAllowance } from '../responses/allowance.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { RaiseRow } from '../store/raises.ts'
import { EmailKey, strict, VerificationCode } from '../wire/body.ts'
import { Moment, moment } from '../wire/reply.ts'

const RAISE_DIGITS = 6
const RAISED_MS = 86_400_000

const Limit = Type.Union([
  Type.Literal('tokens_per_day'),
  Type.Literal('tokens_per_month'),
  Type.Literal('money_per_day'),
  Type.Literal('money_per_month'),
])
const Unit = Type.Union([Type.Literal('tokens'), Type.Literal('millionths')])

export const RaiseBody = Type.Object(
  {
    key: Type.String({ pattern: '^key_[0-9a-f]{32}$' }),
    limit: Limit,
    amount: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'At most the limit again, as which it counts when left out',
      }),
    ),
  },
  strict,
)

const about = { key: Type.String(), limit: Limit, amount: Type.Integer(), unit: Unit }

export const RaiseAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  email_key: Type.String(),
  type: Type.Literal('budget_raise'),
  ...about,
})

export const GrantBody = Type.Object(
  { email_key: EmailKey, verification_code: VerificationCode },
  strict,
)

export const GrantAnswer = Type.Object({
  success: Type.Literal(true),
  ...about,
  expires_at: Moment,
})

/** Asks to let a key of the caller's spend more for a day: a code is mailed, and nothing is raised yet. */
export async function beginRaise(
  call: Call<Static<typeof RaiseBody>>,
): Promise<Static<typeof RaiseAnswer>> {
  const { app, body, now } = call
  const { userId } = requireStrongSession(call)
  const [user, key] = await Promise.all([
    app.store.users.find(userId),
    app.store.apiKeys.find(body.key, userId),
  ])
  if (!user || !key || key.revoked_at !== null) throw new ApiError('RESOURCE_NOT_FOUND')
  const amount = requireAmount(body, key)

  const emailKey = newEmailKey()
  const origin = { purpose: 'budget_raise', digits: RAISE_DIGITS, deviceId: null } as const
  const whose = { userId, address: user.address, origin: call.origin, now }
  const challenge = newChallenge(app, emailKey, { ...origin, ...whose })
  const raise: RaiseRow = {
    id: randomId('raise_'),
    user_id: userId,
    key_id: key.id,
    challenge_id: challenge.id,
    limit_name: body.limit,
    amount,
    created_at: now,
    granted_at: null,
    expires_at: challenge.resend_until,
  }
  const mails = counter(app, 'raise-mails', [userId], userId)
  const letter = codeLetter(challenge, now, 'budget_raise')
  const event = allowed(call, 'raise.asked', described(raise))
  const opening = { challenge, letter, event, tryId: randomId('try_') }
  if (!(await app.store.raises.open(opening, raise, mails))) {
    throw tooMany('TOO_MANY_REQUESTS', await waitForAll(app, [mails], now))
  }
  app.outbox.poke()
  return {
    success: true,
    message: 'A verification code is on its way. Please check your email.',
    email_key: emailKey,
    type: 'budget_raise',
    ...told(raise),
  }
}

/** Raises the limit for a day, by the code that was mailed to the owner. */
export async function grantRaise(
  call: Call<Static<typeof GrantBody>>,
): Promise<Static<typeof GrantAnswer>> {
  const { app, body, now } = call
  const { userId } = requireStrongSession(call)
  const guess = String(body.verification_code)
  const challenge = await findChallenge(app, body.email_key, now, ['budget_raise'])
  // To anybody but its owner the key is not there, and no guess of the owner's is spent.
  if (challenge.user_id !== userId) throw new ApiError('INVALID_VERIFICATION_CODE')
  requireLength(guess, challenge)
  await requireCode(call, challenge, guess)

  const raise = await app.store.raises.findByChallenge(challenge.id)
  if (!raise) throw new ApiError('INVALID_VERIFICATION_CODE')
  const until = now + RAISED_MS
  const event = allowed(call, 'raise.granted', described(raise))
  const outcome = await app.store.raises.grant(challenge, raise, until, event)
  if (outcome === 'used') throw new ApiError('INVALID_VERIFICATION_CODE')
  if (outcome === 'full') {
    throw new ApiError('OPERATION_NOT_ALLOWED', {
      details: { reason: 'It is raised as far as it may be, or the key or its limit is gone' },
    })
  }
  forgetAllowance(app, userId)
  return { success: true, ...told(raise), expires_at: moment(until) }
}

function requireAmount({ limit, amount }: Static<typeof RaiseBody>, key: ApiKeyRow): number {
  const most = key[limit]
  if (most === null) throw unfit('limit', 'this key has no such limit')
  if (amount !== undefined && amount > most)
    throw unfit('amount', `at most ${most}, the limit again`)
  return amount ?? most
}

const described = ({ user_id, key_id, limit_name, amount }: RaiseRow) => ({
  userId: user_id,
  subjectId: key_id,
  reason: `${limit_name} ${amount}`,
  facts: { limit: limit_name, amount },
})

function told({ key_id, limit_name, amount }: RaiseRow) {
  const unit = limit_name.startsWith('money') ? ('millionths' as const) : ('tokens' as const)
  return { key: key_id, limit: limit_name, amount, unit }
}

function unfit(field: string, message: string): ApiError {
  const details = { fields: [{ field, message }] }
  return new ApiError('VALIDATION_ERROR', { details, param: field })
}
