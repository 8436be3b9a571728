import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

export const ProfileAnswer = Type.Object({
  id: Type.String(),
  email: Type.String(),
  username: OrNull(Type.String()),
  full_name: OrNull(Type.String()),
  is_active: Type.Boolean(),
  last_login: OrNull(Moment),
  created_at: Moment,
  updated_at: Moment,
})

/** Who the caller is. */
export async function showProfile({ app, principal }: Call): Promise<Static<typeof ProfileAnswer>> {
  const user = principal && (await app.store.users.find(principal.userId))
  if (!user) throw new ApiError('TOKEN_INVALID')
  return {
    id: user.id,
    email: user.address,
    username: user.user_name,
    full_name: user.full_name,
    is_active: user.disabled_at === null,
    last_login: momentOrNull(user.last_login_at),
    created_at: moment(user.created_at),
    updated_at: moment(user.updated_at),
  }
}
