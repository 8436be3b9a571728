import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { type EventType, events } from '../events.ts'
import { eventBody, ToldEvent } from '../webhooks/event-body.ts'
import { placeEvents } from '../webhooks/place-events.ts'
import { strict } from '../wire/body.ts'

const types = Object.keys(events) as EventType[]

export const ToldEvents = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ToldEvent),
  has_more: Type.Boolean(),
  next: Type.String({ description: 'The `after` of the next call' }),
})

export const ToldEventsQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,15}$', description: 'The `next` of an earlier answer' }),
    ),
    type: Type.Optional(Type.Union(types.map((type) => Type.Literal(type)))),
    user_id: Type.Optional(Type.String({ pattern: '^usr_[0-9a-f]{32}$' })),
  },
  strict,
)

/** What happened, oldest first. `next` goes on where this answer ends: nothing comes twice, and nothing is left out. */
export async function listToldEvents(
  call: Call<unknown, unknown, Static<typeof ToldEventsQuery>>,
): Promise<Static<typeof ToldEvents>> {
  const { app, query } = call
  await placeEvents(app)
  const most = Number(query.limit ?? 20)
  const { newest, oldest } = await app.store.events.findBounds()
  const after = query.after === undefined ? oldest - 1 : Number(query.after)
  if (after < oldest - 1 || after > newest) throw unknownPlace()
  const { type = null, user_id: userId = null } = query
  const rows = await app.store.events.list({ after, type, userId, most: most + 1 })
  const told = rows.slice(0, most)
  const hasMore = rows.length > most
  const last = told.at(-1)?.position ?? after
  // What came after the look at the newest is told by the next call.
  const next = hasMore ? last : Math.max(last, newest)
  return { object: 'list', data: told.map(eventBody), has_more: hasMore, next: String(next) }
}

function unknownPlace(): ApiError {
  return new ApiError('RESOURCE_NOT_FOUND', {
    param: 'after',
    details: {
      reason: 'Events behind this place are kept no longer, or were never: begin without `after`',
    },
  })
}
