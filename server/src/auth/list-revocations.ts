import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import type { RevocationRow } from '../store/revocations.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment } from '../wire/reply.ts'

/** No access token lives longer, whatever the profile was when it was made; with what clocks may differ. */
const LONGEST_TOKEN_MS = 86_400_000 + 60_000
/** A change that another process was still writing may be this much older than what has been told already. */
const LATE_MS = 60_000
const MOST = 1000

export const RevocationQuery = Type.Object(
  { after: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}_[a-z_0-9]{0,40}$' })) },
  strict,
)

export const RevocationsAnswer = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Type.Union([Type.Literal('session'), Type.Literal('key')]),
      ended_at: Moment,
    }),
  ),
  has_more: Type.Boolean(),
  next: Type.String({ description: 'The `after` of the next call' }),
})

/**
 * Sessions and keys that ended, or have another secret, while a token of theirs may still live, oldest first. `next` tells the last minute again:
 * two servers may write in another order than they began, and an id that is told twice does no harm.
 */
export async function listRevocations(
  call: Call<unknown, unknown, Static<typeof RevocationQuery>>,
): Promise<Static<typeof RevocationsAnswer>> {
  const { app, query, now } = call
  const from = readCursor(query.after, now)
  const rows = await app.store.revocations.list({ ...from, most: MOST + 1 })
  const told = rows.slice(0, MOST)
  const last = told.at(-1)
  const hasMore = rows.length > MOST
  const next = hasMore && last ? cursorOf(last) : `${now - LATE_MS}_`
  const data = told.map(({ id, kind, ended_at }) => ({ id, kind, ended_at: moment(ended_at) }))
  return { object: 'list', data, has_more: hasMore, next }
}

const cursorOf = ({ ended_at, id }: RevocationRow) => `${ended_at}_${id}`

/** One from before everything that still matters, and one from tomorrow, begin anew. */
function readCursor(text: string | undefined, now: number): { since: number; afterId: string } {
  const begin = now - LONGEST_TOKEN_MS
  const [, moment = '', afterId = ''] = /^(\d+)_(.*)$/.exec(text ?? '') ?? []
  const since = Number(moment)
  return since < begin || since > now ? { since: begin, afterId: '' } : { since, afterId }
}
