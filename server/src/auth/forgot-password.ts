import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { strict, tolerated } from '../wire/body.ts'
import { requireEmail } from './email-address.ts'
import { newReset } from './recovery.ts'

export const ForgotBody = Type.Object(
  { email: Type.String({ minLength: 1, maxLength: 320 }), ...tolerated },
  strict,
)

export const ForgotAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  type: Type.Literal('password_reset'),
  email_key: Type.String(),
})

/** Mails a way to a new password. Every address is answered alike, known or not (security case 21). */
export async function forgotPassword(
  call: Call<Static<typeof ForgotBody>>,
): Promise<Static<typeof ForgotAnswer>> {
  const { app, body } = call
  const { address } = requireEmail(body.email)
  const found = await app.store.users.findByAddress(address)
  const user = found && found.disabled_at === null ? found : null
  const { emailKey, opening } = await newReset(call, user, address)
  await app.store.challenges.open(opening)
  app.outbox.poke()
  return {
    success: true,
    message: 'If this address has an account, a code and a link are on their way to it.',
    type: 'password_reset',
    email_key: emailKey,
  }
}
