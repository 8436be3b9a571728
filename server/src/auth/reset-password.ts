import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { EmailKey, Password, strict, tolerated, VerificationCode } from '../wire/body.ts'
import { findChallenge } from './challenge.ts'
import { requireCode, requireLength } from './guess.ts'
import { finishReset, proofOf, requireNewPassword, requireOwner } from './recovery.ts'

export const ResetBody = Type.Object(
  {
    email_key: EmailKey,
    verification_code: VerificationCode,
    new_password: Password,
    ...tolerated,
  },
  strict,
)

export const ResetAnswer = Type.Object({ success: Type.Literal(true), message: Type.String() })

/** A new password by the mailed code: every session, e-mail key and link ends, every API key is revoked. */
export async function resetPassword(
  call: Call<Static<typeof ResetBody>>,
): Promise<Static<typeof ResetAnswer>> {
  const { app, body, now } = call
  const guess = String(body.verification_code)
  const challenge = await findChallenge(app, body.email_key, now, ['password_reset'])
  requireLength(guess, challenge)
  // Judged without the owner's names first: before the code was right they are nobody's to know.
  await requireNewPassword(app, null, body.new_password)

  await requireCode(call, challenge, guess)
  const user = await requireOwner(app, challenge.user_id)
  const spelt = await requireNewPassword(app, user, body.new_password)
  if (!(await finishReset(call, user, proofOf('challenges', challenge), spelt))) {
    throw new ApiError('INVALID_VERIFICATION_CODE')
  }
  return { success: true, message: 'Your password is changed. Sign in with the new one.' }
}
