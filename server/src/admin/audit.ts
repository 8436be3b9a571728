import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import type { AuditRow } from '../store/audit.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, OrNull } from '../wire/reply.ts'

export const EventAnswer = Type.Object({
  id: Type.String(),
  happened_at: Moment,
  event: Type.String(),
  outcome: Type.String(),
  reason: OrNull(Type.String()),
  user_id: OrNull(Type.String()),
  subject_id: OrNull(Type.String({ description: 'The session, key or device it is about' })),
  actor: OrNull(Type.String({ description: 'Who did it to somebody: `shell` or an admin' })),
  source: OrNull(Type.String()),
  agent: OrNull(Type.String()),
})

export const EventList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(EventAnswer),
  has_more: Type.Boolean(),
})

export const EventQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    user_id: Type.Optional(Type.String({ pattern: '^usr_[0-9a-f]{32}$' })),
    event: Type.Optional(
      Type.String({
        pattern: '^[a-z_]+(\\.[a-z_]+)?$',
        maxLength: 60,
        description: 'A whole name, or what stands before its dot',
      }),
    ),
    outcome: Type.Optional(Type.Union([Type.Literal('allowed'), Type.Literal('refused')])),
    before: Type.Optional(Moment),
    after: Type.Optional(
      Type.String({
        pattern: '^evt_[0-9a-f]{32}$',
        description: 'The last event of the page before; events of one moment come one by one too',
      }),
    ),
  },
  strict,
)

/** The trail of decisions, newest first. */
export async function listEvents(
  call: Call<unknown, unknown, Static<typeof EventQuery>>,
): Promise<Static<typeof EventList>> {
  const { app, query } = call
  const most = Number(query.limit ?? 20)
  const rows = await app.store.audit.search({
    userId: query.user_id ?? null,
    event: query.event ?? null,
    outcome: query.outcome ?? null,
    before: query.before ? Date.parse(query.before) : null,
    after: query.after ?? null,
    most: most + 1,
  })
  return { object: 'list', data: rows.slice(0, most).map(tell), has_more: rows.length > most }
}

function tell(row: AuditRow): Static<typeof EventAnswer> {
  const { id, event, outcome, reason, user_id, subject_id, actor, source, agent } = row
  const happened_at = moment(row.happened_at)
  return { id, happened_at, event, outcome, reason, user_id, subject_id, actor, source, agent }
}
