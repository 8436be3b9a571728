import { type Static, Type } from 'typebox'
import { parseEmailAddress } from '../auth/email-address.ts'
import { type Acting, deleteUser, disableUser, enableUser, signUserOut } from '../auth/roster.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { UserRow } from '../store/users.ts'
import { Identifier, strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

export const ManagedUserAnswer = Type.Object({
  id: Type.String(),
  email: Type.String(),
  username: OrNull(Type.String()),
  full_name: OrNull(Type.String()),
  role: Type.Union([Type.Literal('user'), Type.Literal('admin')]),
  is_active: Type.Boolean(),
  last_login: OrNull(Moment),
  created_at: Moment,
  disabled_at: OrNull(Moment),
})

export const ManagedUserList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ManagedUserAnswer),
  has_more: Type.Boolean(),
})

export const ManagedUserParams = Type.Object({ id: Type.String({ pattern: '^usr_[0-9a-f]{32}$' }) })

export const ManagedUserQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(ManagedUserParams.properties.id),
    search: Type.Optional(Identifier),
  },
  strict,
)

export const DeletedUserAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('user'),
  deleted: Type.Literal(true),
})

export const SignedOutAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('user'),
  sessions_ended: Type.Integer(),
})

type About = Call<unknown, Static<typeof ManagedUserParams>>
type Answer = Static<typeof ManagedUserAnswer>

/** Everybody, oldest first. `search` is a whole address, or the beginning of a user name. */
export async function listUsers(
  call: Call<unknown, unknown, Static<typeof ManagedUserQuery>>,
): Promise<Static<typeof ManagedUserList>> {
  const { app, query } = call
  const most = Number(query.limit ?? 20)
  const sought = query.search?.trim().toLowerCase() ?? null
  const address = sought ? (parseEmailAddress(sought)?.address ?? null) : null
  const rows = await app.store.roster.list({
    address,
    namePrefix: address ? null : sought,
    after: query.after ?? null,
    most: most + 1,
  })
  return { object: 'list', data: rows.slice(0, most).map(tell), has_more: rows.length > most }
}

export async function showUser(call: About): Promise<Answer> {
  const user = await call.app.store.users.find(call.params.id)
  if (!user) throw new ApiError('RESOURCE_NOT_FOUND')
  return tell(user)
}

export async function disableManagedUser(call: About): Promise<Answer> {
  await disableUser(acting(call), call.params.id)
  return showUser(call)
}

export async function enableManagedUser(call: About): Promise<Answer> {
  await enableUser(acting(call), call.params.id)
  return showUser(call)
}

/** Ends every session of somebody, who may sign in again; their API keys go on. */
export async function signOutManagedUser(call: About): Promise<Static<typeof SignedOutAnswer>> {
  const { id } = call.params
  return { id, object: 'user', sessions_ended: await signUserOut(acting(call), id) }
}

export async function deleteManagedUser(call: About): Promise<Static<typeof DeletedUserAnswer>> {
  await deleteUser(acting(call), call.params.id)
  return { id: call.params.id, object: 'user', deleted: true }
}

/** Power over other people's accounts is not for who found a paper. */
function acting(call: About): Acting {
  const { userId: actor } = requireStrongSession(call)
  const { app, now, origin } = call
  return { app, now, origin, actor }
}

function tell(user: UserRow): Answer {
  return {
    id: user.id,
    email: user.address,
    username: user.user_name,
    full_name: user.full_name,
    role: user.role,
    is_active: user.disabled_at === null,
    last_login: momentOrNull(user.last_login_at),
    created_at: moment(user.created_at),
    disabled_at: momentOrNull(user.disabled_at),
  }
}
