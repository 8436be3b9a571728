import { type Static, Type } from 'typebox'
import type { Acting } from '../auth/roster.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import type { DeliveryRow } from '../store/deliveries.ts'
import {
  replayEvent as replay,
  replaySince,
  requireWebhook,
  testWebhook as test,
  WebhookParams,
} from '../webhooks/endpoint.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

const EventId = Type.String({ pattern: '^evt_[0-9a-f]{32}$' })
const State = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('delivered'),
  Type.Literal('given_up'),
])

export const DeliveryAnswer = Type.Object({
  event_id: Type.String(),
  type: OrNull(Type.String({ description: 'Null where the event is kept no longer' })),
  user_id: OrNull(Type.String()),
  state: State,
  tries: Type.Integer(),
  last_status: OrNull(Type.Integer({ description: 'What the endpoint answered; null: nothing' })),
  last_reason: OrNull(Type.String({ description: 'Why the last try failed, in a word' })),
  created_at: Moment,
  tried_at: OrNull(Moment),
  next_try_at: OrNull(Moment),
  delivered_at: OrNull(Moment),
})
export const DeliveryList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(DeliveryAnswer),
  has_more: Type.Boolean(),
})
export const DeliveryQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(EventId),
    state: Type.Optional(State),
  },
  strict,
)
export const DeliveryParams = Type.Object({ ...WebhookParams.properties, event: EventId })
export const ReplayBody = Type.Object({ since: Moment }, strict)
export const QueuedAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('webhook'),
  queued: Type.Integer({ description: 'Events that are on their way now' }),
  event_id: OrNull(Type.String()),
})

type About<Body = unknown, Query = unknown> = Call<Body, Static<typeof WebhookParams>, Query>
type Queued = Static<typeof QueuedAnswer>

/** What was sent to an endpoint, and waits to be; newest first. */
export async function listDeliveries(
  call: About<unknown, Static<typeof DeliveryQuery>>,
): Promise<Static<typeof DeliveryList>> {
  const { app, params, query } = call
  await requireWebhook({ app }, params.id)
  const most = Number(query.limit ?? 20)
  const rows = await app.store.deliveries.list({
    webhookId: params.id,
    state: query.state ?? null,
    after: query.after ?? null,
    most: most + 1,
  })
  return {
    object: 'list',
    data: rows.slice(0, most).map(tellDelivery),
    has_more: rows.length > most,
  }
}

/** Sends an event that means nothing, to see whether it arrives. */
export async function testWebhook(call: About): Promise<Queued> {
  const { id } = call.params
  return { id, object: 'webhook', queued: 1, event_id: await test(acting(call), id) }
}

/** Sends an event once more, under the same `webhook-id`. */
export async function replayDelivery(
  call: Call<unknown, Static<typeof DeliveryParams>>,
): Promise<Queued> {
  const { id, event } = call.params
  await replay(acting(call), id, event)
  return { id, object: 'webhook', queued: 1, event_id: event }
}

/** Sends all that happened since then once more. */
export async function replayWebhook(call: About<Static<typeof ReplayBody>>): Promise<Queued> {
  const { id } = call.params
  const queued = await replaySince(acting(call), id, Date.parse(call.body.since))
  return { id, object: 'webhook', queued, event_id: null }
}

function acting(call: Call<unknown, unknown>): Acting {
  const { userId: actor } = requireStrongSession(call)
  const { app, now, origin } = call
  return { app, now, origin, actor }
}

export function tellDelivery(row: DeliveryRow): Static<typeof DeliveryAnswer> {
  const { event_id, type, user_id, tries, status, reason, delivered_at, ended_at } = row
  const waits = delivered_at === null && ended_at === null
  const gone = delivered_at === null ? ('given_up' as const) : ('delivered' as const)
  return {
    ...{ event_id, type, user_id, tries },
    state: waits ? 'waiting' : gone,
    last_status: status,
    last_reason: reason,
    created_at: moment(row.created_at),
    tried_at: momentOrNull(row.tried_at),
    next_try_at: waits ? moment(row.next_at) : null,
    delivered_at: momentOrNull(delivered_at),
  }
}
