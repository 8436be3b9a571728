import { type Static, Type } from 'typebox'
import type { Acting } from '../auth/roster.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { type EventType, events } from '../events.ts'
import type { WebhookRow } from '../store/webhooks.ts'
import {
  changeWebhook as change,
  createWebhook as create,
  pauseWebhook,
  deleteWebhook as remove,
  requireWebhook,
  resumeWebhook,
  rotateWebhook as rotate,
  type WebhookParams,
} from '../webhooks/endpoint.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

const EventTypes = OrNull(
  Type.Array(Type.Union((Object.keys(events) as EventType[]).map((type) => Type.Literal(type))), {
    minItems: 1,
    uniqueItems: true,
    description: 'Which events are sent; null for all',
  }),
)
const fields = {
  url: Type.String({ minLength: 1, maxLength: 500 }),
  description: OrNull(Type.String({ maxLength: 200 })),
  events: EventTypes,
}

export const WebhookAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('webhook'),
  ...fields,
  events: OrNull(Type.Array(Type.String())),
  status: Type.Union([Type.Literal('active'), Type.Literal('paused')]),
  paused_by: OrNull(Type.String({ description: '`admin`, `failures` or `gone` (410)' })),
  failing_since: OrNull(Moment),
  former_secret_until: OrNull(Moment),
  created_at: Moment,
})
export const NewWebhookAnswer = Type.Object({
  ...WebhookAnswer.properties,
  secret: Type.String({ description: 'Verifies what is sent; shown this once' }),
})
export const WebhookList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(WebhookAnswer),
})
export const WebhookBody = Type.Object(
  {
    url: fields.url,
    description: Type.Optional(fields.description),
    events: Type.Optional(EventTypes),
  },
  strict,
)
export const ChangedWebhookBody = Type.Object(
  {
    url: Type.Optional(fields.url),
    description: Type.Optional(fields.description),
    events: Type.Optional(EventTypes),
    paused: Type.Optional(Type.Boolean({ description: 'While it is paused, events wait' })),
  },
  strict,
)
export const RotateWebhookBody = Type.Object(
  {
    overlap_hours: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 168, description: 'How long both secrets sign; 24' }),
    ),
  },
  strict,
)
export const DeletedWebhook = Type.Object({
  id: Type.String(),
  object: Type.Literal('webhook'),
  deleted: Type.Literal(true),
})

type About<Body = unknown> = Call<Body, Static<typeof WebhookParams>>
type Answer = Static<typeof WebhookAnswer>

export async function listWebhooks({ app }: Call): Promise<Static<typeof WebhookList>> {
  const rows = await app.store.webhooks.list()
  return { object: 'list', data: rows.map((row) => tell(row, app.now())) }
}

export async function showWebhook({ app, params, now }: About): Promise<Answer> {
  return tell(await requireWebhook({ app }, params.id), now)
}

/** Sends events to an address from now on. */
export async function createWebhook(
  call: Call<Static<typeof WebhookBody>>,
): Promise<Static<typeof NewWebhookAnswer>> {
  const { url, description = null, events: types = null } = call.body
  const { id, secret } = await create(acting(call), { url, description, types })
  return { ...tell(await requireWebhook(call, id), call.now), secret }
}

export async function changeWebhook(
  call: About<Static<typeof ChangedWebhookBody>>,
): Promise<Answer> {
  const { paused, events: types, ...rest } = call.body
  const by = acting(call)
  const { id } = call.params
  await change(by, id, { ...rest, ...(types === undefined ? {} : { types }) })
  if (paused !== undefined) await (paused ? pauseWebhook(by, id) : resumeWebhook(by, id))
  return showWebhook(call)
}

export async function rotateWebhook(
  call: About<Static<typeof RotateWebhookBody>>,
): Promise<Static<typeof NewWebhookAnswer>> {
  const { id } = call.params
  const secret = await rotate(acting(call), id, call.body.overlap_hours ?? 24)
  return { ...(await showWebhook(call)), secret }
}

export async function deleteWebhook(call: About): Promise<Static<typeof DeletedWebhook>> {
  await remove(acting(call), call.params.id)
  return { id: call.params.id, object: 'webhook', deleted: true }
}

/** Where what happens here is sent is not for who found a paper. */
function acting(call: Call<unknown, unknown>): Acting {
  const { userId: actor } = requireStrongSession(call)
  const { app, now, origin } = call
  return { app, now, origin, actor }
}

function tell(row: WebhookRow, now: number): Answer {
  const { id, url, description, types, former_ends_at } = row
  return {
    ...{ id, object: 'webhook', url, description },
    events: types === '*' ? null : types.split(' '),
    status: row.paused_at === null ? 'active' : 'paused',
    paused_by: row.paused_by,
    failing_since: momentOrNull(row.failing_since),
    former_secret_until: momentOrNull(
      former_ends_at !== null && now < former_ends_at ? former_ends_at : null,
    ),
    created_at: moment(row.created_at),
  }
}
