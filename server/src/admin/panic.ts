import { type Static, Type } from 'typebox'
import {
  confirmPanic,
  type Done,
  type Panicking,
  type Plan,
  planPanic,
  undoPanic,
} from '../auth/panic.ts'
import { readTarget } from '../auth/panic-target.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { Identifier, strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

export const PanicBody = Type.Object(
  {
    user: Type.Optional(Identifier),
    network: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    since: Type.Optional(Moment),
    confirm: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' })),
  },
  { ...strict, description: 'Exactly one of user, network and since' },
)

export const PanicParams = Type.Object({ id: Type.String({ pattern: '^pan_[0-9a-f]{32}$' }) })

const Counts = Type.Object({
  sessions: Type.Integer(),
  api_keys: Type.Integer(),
  people: Type.Optional(Type.Integer()),
  challenges: Type.Optional(Type.Integer()),
})

export const PanicAnswer = Type.Object({
  object: Type.Literal('panic'),
  id: Type.String(),
  state: Type.Union([Type.Literal('planned'), Type.Literal('done')]),
  target: Type.String(),
  ends: Counts,
  sessions: Type.Optional(
    Type.Array(
      Type.Object({
        device_id: Type.String(),
        device_name: OrNull(Type.String()),
        email: Type.String(),
        source: Type.String(),
        created_at: Moment,
        last_used_at: Moment,
      }),
    ),
  ),
  api_keys: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        name: Type.String(),
        prefix: Type.String(),
        last4: Type.String(),
        email: Type.String(),
        last_used_at: OrNull(Moment),
      }),
    ),
  ),
  people: Type.Optional(Type.Array(Type.Object({ id: Type.String(), email: Type.String() }))),
  your_session: Type.Optional(Type.Union([Type.Literal('kept'), Type.Literal('ends')])),
  confirm: Type.Optional(Type.String({ description: 'Send the same again with this' })),
  expires_at: Type.Optional(Moment),
  undo_until: Type.Optional(Moment),
})

export const UndoneAnswer = Type.Object({
  object: Type.Literal('panic'),
  id: Type.String(),
  state: Type.Literal('undone'),
  restored: Type.Object({ sessions: Type.Integer(), api_keys: Type.Integer() }),
})

/** Says what a panic would end; with what that answer says in `confirm`, ends it. */
export async function panic(
  call: Call<Static<typeof PanicBody>>,
): Promise<Static<typeof PanicAnswer>> {
  const { app, body, now } = call
  const acting = panicking(call)
  const target = await readTarget(app, body, now)
  if (body.confirm === undefined) return tellPlan(await planPanic(acting, target))
  return tellDone(await confirmPanic(acting, target, body.confirm), target.text)
}

export async function undoManagedPanic(
  call: Call<unknown, Static<typeof PanicParams>>,
): Promise<Static<typeof UndoneAnswer>> {
  const { id } = call.params
  const { sessions, keyHashes } = await undoPanic(panicking(call), id)
  const restored = { sessions: sessions.length, api_keys: keyHashes.length }
  return { object: 'panic', id, state: 'undone', restored }
}

function panicking(call: Call<unknown, unknown>): Panicking {
  const { userId, sessionId } = requireStrongSession(call)
  const { app, now, origin } = call
  return { app, now, origin, actor: userId, sessionId }
}

/** What a plan says, to a program. */
export function tellPlan(plan: Plan): Static<typeof PanicAnswer> {
  const { counts, sessions, apiKeys, people } = plan.reach
  const { sessions: count, apiKeys: keys, people: persons, challenges } = counts
  return {
    object: 'panic',
    id: plan.id,
    state: 'planned',
    target: plan.target.text,
    ends: { sessions: count, api_keys: keys, people: persons, challenges },
    sessions: sessions.map((session) => ({
      device_id: session.id,
      device_name: session.name,
      email: session.address,
      source: session.source,
      created_at: moment(session.created_at),
      last_used_at: moment(session.last_seen_at),
    })),
    api_keys: apiKeys.map(({ id, name, prefix, last4, address, last_used_at }) => ({
      id,
      name,
      prefix,
      last4,
      email: address,
      last_used_at: momentOrNull(last_used_at),
    })),
    people: people.map(({ id, address }) => ({ id, email: address })),
    ...(plan.ownSession ? { your_session: plan.ownSession } : {}),
    confirm: plan.confirm,
    expires_at: moment(plan.expiresAt),
  }
}

export function tellDone(
  { id, ended, undoUntil }: Done,
  target: string,
): Static<typeof PanicAnswer> {
  const { sessions, keyHashes } = ended
  return {
    object: 'panic',
    id,
    state: 'done',
    target,
    ends: { sessions: sessions.length, api_keys: keyHashes.length },
    undo_until: moment(undoUntil),
  }
}
