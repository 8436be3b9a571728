import { type Static, Type } from 'typebox'
import { requirePerson } from '../auth/account.ts'
import { requirePasswordAgain } from '../auth/password-try.ts'
import { leave } from '../auth/roster.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { Password, strict } from '../wire/body.ts'

export const DeleteBody = Type.Object({ current_password: Password }, strict)

export const DeletedPerson = Type.Object({
  id: Type.String(),
  object: Type.Literal('user'),
  deleted: Type.Literal(true),
})

/** Deletes the caller's account at once and for good, with everything that names them. */
export async function deletePerson(
  call: Call<Static<typeof DeleteBody>>,
): Promise<Static<typeof DeletedPerson>> {
  const { app, body } = call
  const { userId } = requireStrongSession(call)
  const user = await requirePerson(app, userId)
  await leave(call, user, await requirePasswordAgain(call, user, body.current_password))
  return { id: userId, object: 'user', deleted: true }
}
