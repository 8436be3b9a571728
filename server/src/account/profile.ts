import { type Static, Type } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { requireFullName } from '../auth/full-name.ts'
import { requireSignedIn } from '../auth/principal.ts'
import { requireUserName } from '../auth/user-name.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { NewNames } from '../store/users.ts'
import { Name, strict } from '../wire/body.ts'
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

export const ProfileBody = Type.Object(
  {
    full_name: Type.Optional(OrNull(Name)),
    user_name: Type.Optional(OrNull(Type.String({ minLength: 1, maxLength: 100 }))),
  },
  strict,
)

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

/** Other names for the caller; null takes a name away, and what is absent stays. */
export async function changeProfile(
  call: Call<Static<typeof ProfileBody>>,
): Promise<Static<typeof ProfileAnswer>> {
  const { app } = call
  const { userId } = requireSignedIn(call)
  const names = readNames(call.body)
  const changed = Object.keys(names)
  if (changed.length > 0) {
    // What changed and not into what: the trail outlives the names.
    const facts = { changed }
    const about = { reason: changed.join(' '), userId, subjectId: userId, facts }
    const renamed = await app.store.users.rename(
      userId,
      names,
      allowed(call, 'profile.changed', about),
    )
    if (!renamed) throw new ApiError('USERNAME_TAKEN', { param: 'user_name' })
  }
  return showProfile(call)
}

function readNames({ full_name, user_name }: Static<typeof ProfileBody>): NewNames {
  return {
    ...(full_name === undefined ? {} : { full_name: full_name && requireFullName(full_name) }),
    ...(user_name === undefined ? {} : { user_name: user_name && requireUserName(user_name) }),
  }
}
