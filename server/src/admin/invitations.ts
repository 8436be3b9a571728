import { type Static, Type } from 'typebox'
import { counter, takeTry } from '../auth/budget.ts'
import { requireEmail } from '../auth/email-address.ts'
import { invite } from '../auth/invitation.ts'
import { requireProvenSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment } from '../wire/reply.ts'

export const InvitationBody = Type.Object(
  { email: Type.String({ minLength: 1, maxLength: 320 }) },
  strict,
)

export const InvitationAnswer = Type.Object({
  object: Type.Literal('invitation'),
  email: Type.String(),
  expires_at: Moment,
})

/** Mails somebody an invitation to register; an older one of that address is void. Admins are invited in the shell. */
export async function inviteUser(
  call: Call<Static<typeof InvitationBody>>,
): Promise<Static<typeof InvitationAnswer>> {
  const { app, body, now, origin } = call
  const { userId } = requireProvenSession(call)
  if (app.config.registration === 'closed') throw refusal('This server takes no registrations')
  const { address, mailbox } = requireEmail(body.email)
  const counters = [
    counter(app, 'invitations', [userId], userId),
    counter(app, 'invitation-mails', [mailbox]),
  ]
  const wait = await takeTry(app, counters, now)
  if (wait > 0) throw tooMany('TOO_MANY_REQUESTS', wait)
  const row = await invite({ app, now, origin, actor: userId }, { address, role: 'user' })
  if (!row) throw refusal('This address has an account already')
  return { object: 'invitation', email: address, expires_at: moment(row.expires_at) }
}

function refusal(reason: string): ApiError {
  return new ApiError('OPERATION_NOT_ALLOWED', { details: { reason } })
}
