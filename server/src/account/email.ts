import { type Static, Type } from 'typebox'
import { requirePerson } from '../auth/account.ts'
import { recordRefusal } from '../auth/audit.ts'
import { counter, waitForAll } from '../auth/budget.ts'
import { findChallenge } from '../auth/challenge.ts'
import { requireEmail } from '../auth/email-address.ts'
import { finishEmailChange, newEmailChange } from '../auth/email-change.ts'
import { requireCode, requireLength } from '../auth/guess.ts'
import { requirePasswordAgain } from '../auth/password-try.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { EmailKey, Password, strict, VerificationCode } from '../wire/body.ts'

export const EmailBody = Type.Object(
  { new_email: Type.String({ minLength: 1, maxLength: 320 }), current_password: Password },
  strict,
)

export const EmailAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  email_key: Type.String(),
  type: Type.Literal('email_change'),
})

export const VerifyEmailBody = Type.Object(
  { email_key: EmailKey, verification_code: VerificationCode },
  strict,
)

export const VerifyEmailAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  email: Type.String(),
})

/** Begins to move the account to another address: a code goes there. An address that is somebody's gets the same answer. */
export async function beginEmailChange(
  call: Call<Static<typeof EmailBody>>,
): Promise<Static<typeof EmailAnswer>> {
  const { app, body, now } = call
  const { userId } = requireStrongSession(call)
  const email = requireEmail(body.new_email, 'new_email')
  const user = await requirePerson(app, userId)
  await requirePasswordAgain(call, user, body.current_password)
  if (email.address === user.address) throw unfit('is the address that you have')

  const { emailKey, opening } = await newEmailChange(call, user, email)
  const mails = counter(app, 'code-mails', [user.id], user.id)
  if (!(await app.store.emailChanges.open(opening, mails))) {
    throw tooMany('TOO_MANY_REQUESTS', await waitForAll(app, [mails], now))
  }
  app.outbox.poke()
  return {
    success: true,
    message: 'Please check the new address for a verification code.',
    email_key: emailKey,
    type: 'email_change',
  }
}

/** The mailed code changes the address, exactly once. */
export async function verifyEmailChange(
  call: Call<Static<typeof VerifyEmailBody>>,
): Promise<Static<typeof VerifyEmailAnswer>> {
  const { app, body, now } = call
  const { userId, sessionId } = requireStrongSession(call)
  const guess = String(body.verification_code)
  const challenge = await findChallenge(app, body.email_key, now, ['email_change'])
  if (challenge.user_id !== userId) throw new ApiError('INVALID_VERIFICATION_CODE')
  requireLength(guess, challenge)

  await requireCode(call, challenge, guess)
  const user = await requirePerson(app, userId)
  if (!(await finishEmailChange(call, user, challenge, sessionId))) {
    await recordRefusal(call, 'email.change_refused', { userId })
    throw new ApiError('INVALID_VERIFICATION_CODE')
  }
  return {
    success: true,
    message: 'Your address is changed. All other sessions have ended.',
    email: challenge.address,
  }
}

function unfit(message: string): ApiError {
  const field = 'new_email'
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
