import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { strict, Token, tolerated } from '../wire/body.ts'
import { Moment, moment } from '../wire/reply.ts'
import { allowed } from './audit.ts'
import { forgetSession } from './session.ts'

/** A refresh token may come along, as older clients send it; it is the session of the bearer that ends. */
export const LogoutBody = Type.Object({ refresh_token: Type.Optional(Token), ...tolerated }, strict)

export const LogoutAnswer = Type.Object({ message: Type.String(), logged_out_at: Moment })

/** Ends the caller's session: its tokens are refused from the next request on. */
export async function logout(call: Call): Promise<Static<typeof LogoutAnswer>> {
  const { app, principal, now } = call
  if (principal?.kind !== 'signed-in') throw new ApiError('AUTHENTICATION_REQUIRED')
  const { userId, sessionId } = principal
  const event = allowed(call, 'session.ended', {
    reason: 'signed_out',
    userId,
    subjectId: sessionId,
  })
  await app.store.sessions.end(sessionId, 'signed_out', event)
  forgetSession(app, sessionId)
  return { message: 'Successfully logged out', logged_out_at: moment(now) }
}
