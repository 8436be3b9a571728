import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { EmailKey } from '../wire/body.ts'
import { Moment, moment } from '../wire/reply.ts'
import { findChallenge, resendWait, rules } from './challenge.ts'
import { deliveryOf } from './delivery.ts'

export const ChallengeParams = Type.Object({ email_key: EmailKey })

export const ChallengeAnswer = Type.Object({
  type: Type.Union([
    Type.Literal('registration'),
    Type.Literal('login'),
    Type.Literal('password_reset'),
    Type.Literal('budget_raise'),
    Type.Literal('email_change'),
  ]),
  expires_at: Moment,
  resend_after: Type.Integer({ description: 'Seconds' }),
  sends_left: Type.Integer(),
  delivery: Type.Object({
    state: Type.Union([
      Type.Literal('queued'),
      Type.Literal('sent'),
      Type.Literal('delayed'),
      Type.Literal('refused'),
    ]),
    reason: Type.Optional(Type.String()),
  }),
})

/** Tells the holder of a key how its mail fares, so that nobody waits for one that cannot come. */
export async function showChallenge(
  call: Call<unknown, Static<typeof ChallengeParams>>,
): Promise<Static<typeof ChallengeAnswer>> {
  const { app, params, now } = call
  const challenge = await findChallenge(app, params.email_key, now)
  const { state, reason } = await deliveryOf(app, challenge)
  return {
    type: challenge.purpose,
    expires_at: moment(challenge.code_expires_at),
    resend_after: Math.ceil(resendWait(challenge, now) / 1000),
    sends_left: rules[challenge.purpose].mostMails - challenge.mails,
    delivery: { state, ...(reason ? { reason } : {}) },
  }
}
