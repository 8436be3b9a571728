import { type Static, Type } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { platformName, programName } from '../auth/device-name.ts'
import { requireSignedIn } from '../auth/principal.ts'
import { forgetSession, waysOf } from '../auth/session.ts'
import { endings, endOf, idleSince } from '../auth/session-end.ts'
import { type Deed, storyOf } from '../auth/session-story.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ListedSessionRow, SessionRow } from '../store/sessions.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

export const SessionParams = Type.Object({ id: Type.String({ pattern: '^ses_[0-9a-f]{32}$' }) })

export const SessionQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(SessionParams.properties.id),
    state: Type.Optional(
      Type.Union([Type.Literal('live'), Type.Literal('ended')], {
        description: 'Those that live, which is the standard, or those that ended',
      }),
    ),
  },
  strict,
)

const about = {
  id: Type.String({ description: 'The `device_id` that verify answered' }),
  current: Type.Boolean({ description: 'Whether it is the one that asks' }),
  device_name: Type.String(),
  platform: OrNull(Type.String()),
  location: OrNull(Type.String({ description: 'Where its client said it was' })),
  network: Type.String({ description: 'Where it began: an IPv4 address or an IPv6 /64' }),
  last_seen_network: Type.String(),
  last_seen_with: Type.String({ description: 'The program that used it last' }),
  amr: Type.Array(Type.String(), { description: 'How its person signed in (RFC 8176)' }),
  first_seen_at: Moment,
  last_seen_at: Moment,
  expires_at: Moment,
  ended_at: OrNull(Moment),
  end_reason: OrNull(Type.String({ description: 'What its client was told with the 401' })),
  explanation: Type.String({ description: 'How it fares, in a sentence' }),
}

const Decision = Type.Object({
  happened_at: Moment,
  event: Type.String(),
  what: Type.String({ description: 'The event in words' }),
  allowed: Type.Boolean(),
  reason: OrNull(Type.String()),
  by: Type.Union([Type.Literal('you'), Type.Literal('operator')]),
  network: OrNull(Type.String({ description: 'From where; an operator is not told' })),
  program: OrNull(Type.String()),
})

const ListedSession = Type.Object(about)

export const SessionAnswer = Type.Object({
  ...about,
  decisions: Type.Array(Decision, { description: 'The last ones, newest first' }),
})

export const SessionList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ListedSession),
  has_more: Type.Boolean(),
})

export const DeletedSession = Type.Object({
  id: Type.String(),
  object: Type.Literal('session'),
  deleted: Type.Literal(true),
})

export const DeletedSessions = Type.Object({
  object: Type.Literal('session'),
  deleted: Type.Integer({ description: 'How many sessions ended' }),
})

export const DeviceList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      device_id: Type.String(),
      device_name: Type.String(),
      platform: OrNull(Type.String()),
      location: OrNull(Type.String()),
      last_used_at: Moment,
    }),
  ),
  has_more: Type.Boolean(),
})

const MOST_DECISIONS = 20

type Asked = Call<unknown, unknown, Static<typeof SessionQuery>>
type About = Call<unknown, Static<typeof SessionParams>>

/** Where I am signed in, newest first. */
export async function listSessions(call: Asked): Promise<Static<typeof SessionList>> {
  const { rows, more } = await page(call)
  return { object: 'list', data: rows.map((row) => tell(call, row)), has_more: more }
}

/** The same in the words of older clients. */
export async function listDevices(call: Asked): Promise<Static<typeof DeviceList>> {
  const { rows, more } = await page(call)
  const data = rows.map((row) => ({
    device_id: row.id,
    ...deviceOf(row),
    last_used_at: moment(row.last_seen_at),
  }))
  return { object: 'list', data, has_more: more }
}

/** One session, alive or over: what was decided about it, and why it ended. */
export async function showSession(call: About): Promise<Static<typeof SessionAnswer>> {
  const { app, now } = call
  const row = await requireOwn(call)
  const deeds = await storyOf(app, row, now, MOST_DECISIONS)
  return { ...tell(call, row), decisions: deeds.map(decision) }
}

/** Ends a session: its tokens are refused from the next request on. One that is over already stays so. */
export async function endSession(call: About): Promise<Static<typeof DeletedSession>> {
  const { app } = call
  const { userId, sessionId } = requireSignedIn(call)
  const { id } = await requireOwn(call)
  const reason = id === sessionId ? 'signed_out' : 'signed_out_elsewhere'
  const event = allowed(call, 'session.ended', { reason, userId, subjectId: id })
  await app.store.sessions.endOwn(id, userId, reason, event)
  forgetSession(app, id)
  return { id, object: 'session', deleted: true }
}

/** Ends every session of mine but this one. */
export async function endOtherSessions(call: Call): Promise<Static<typeof DeletedSessions>> {
  const { app } = call
  const { userId, sessionId } = requireSignedIn(call)
  const reason = 'signed_out_elsewhere'
  const event = allowed(call, 'sessions.ended', { reason, userId, subjectId: sessionId })
  const ended = await app.store.sessions.endOthers(sessionId, userId, reason, event)
  for (const id of ended) forgetSession(app, id)
  return { object: 'session', deleted: ended.length }
}

async function page(call: Asked): Promise<{ rows: ListedSessionRow[]; more: boolean }> {
  const { app, query, now } = call
  const { userId } = requireSignedIn(call)
  const most = Number(query.limit ?? 20)
  const rows = await app.store.sessions.list({
    userId,
    state: query.state ?? 'live',
    now,
    idleSince: idleSince(app.config, now),
    after: query.after ?? null,
    most: most + 1,
  })
  return { rows: rows.slice(0, most), more: rows.length > most }
}

/** Another person's session is not there. */
async function requireOwn(call: About): Promise<SessionRow> {
  const { userId } = requireSignedIn(call)
  const row = await call.app.store.sessions.findOwn(call.params.id, userId)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  return row
}

function deviceOf(row: ListedSessionRow) {
  return {
    device_name: row.name ?? programName(row.agent),
    platform: row.platform ?? platformName(row.agent),
    location: row.location,
  }
}

/** Who acts for others is not shown from where. */
function decision({ what, row }: Deed): Static<typeof Decision> {
  const isOwn = row.actor === null
  return {
    happened_at: moment(row.happened_at),
    event: row.event,
    what,
    allowed: row.outcome === 'allowed',
    reason: row.reason,
    by: isOwn ? 'you' : 'operator',
    network: isOwn ? row.source : null,
    program: isOwn ? programName(row.agent ?? '') : null,
  }
}

function tell(
  call: Call<unknown, unknown, unknown>,
  row: ListedSessionRow,
): Static<typeof ListedSession> {
  const end = endOf(call.app.config, row, call.now)
  return {
    id: row.id,
    current: row.id === requireSignedIn(call).sessionId,
    ...deviceOf(row),
    network: row.source,
    last_seen_network: row.seen_source ?? row.source,
    last_seen_with: programName(row.seen_agent ?? row.agent),
    amr: [...waysOf(row)],
    first_seen_at: moment(row.created_at),
    last_seen_at: moment(row.last_seen_at),
    expires_at: moment(row.expires_at),
    ended_at: momentOrNull(end?.at ?? null),
    end_reason: end?.reason ?? null,
    explanation: end ? endings[end.reason] : 'It is signed in.',
  }
}
