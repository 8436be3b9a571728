import { type Static, Type } from 'typebox'
import { OrNull } from '../wire/reply.ts'

export const ValidateAnswer = Type.Object({
  is_valid: Type.Boolean(),
  error: OrNull(Type.String()),
  requires_reconnect: Type.Boolean(),
})

/** Reached only with a live token: every other is answered 401 at the door (contract S11). */
export async function validate(): Promise<Static<typeof ValidateAnswer>> {
  return { is_valid: true, error: null, requires_reconnect: false }
}
