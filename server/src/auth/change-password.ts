import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { Password, strict, tolerated } from '../wire/body.ts'
import { allowed } from './audit.ts'
import { noticeOf } from './notice.ts'
import { hashPassword } from './password.ts'
import { requirePasswordAgain } from './password-try.ts'
import { requireSignedIn } from './principal.ts'
import { forgetEnded, requireNewPassword, requireOwner } from './recovery.ts'

export const ChangeBody = Type.Object(
  {
    current_password: Password,
    new_password: Password,
    confirm_password: Password,
    ...tolerated,
  },
  strict,
)

export const ChangeAnswer = Type.Object({ success: Type.Literal(true), message: Type.String() })

/** Another password: all other sessions, e-mail keys and links end; this session and API keys go on. */
export async function changePassword(
  call: Call<Static<typeof ChangeBody>>,
): Promise<Static<typeof ChangeAnswer>> {
  const { app, body, now } = call
  const { userId, sessionId } = requireSignedIn(call)
  requireSame(body.new_password, body.confirm_password)
  const user = await requireOwner(app, userId)
  const spelt = await requireNewPassword(app, user, body.new_password)
  const proven = await requirePasswordAgain(call, user, body.current_password)
  const ended = await app.store.recovery.changePassword({
    userId,
    now,
    sessionId,
    from: proven,
    to: await hashPassword(app, spelt),
    event: allowed(call, 'password.changed', {
      userId,
      subjectId: sessionId,
      facts: { changed: ['password'] },
    }),
    ...noticeOf(call, user, 'password-changed'),
  })
  if (!ended) throw new ApiError('INVALID_CREDENTIALS')
  forgetEnded(app, ended)
  app.outbox.poke()
  return { success: true, message: 'Your password is changed. All other sessions have ended.' }
}

function requireSame(one: string, other: string): void {
  if (one === other) return
  throw new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field: 'confirm_password', message: 'must repeat the new password' }] },
    param: 'confirm_password',
  })
}
