import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { strict } from '../wire/body.ts'
import { EVENT_HEADERS, Streamed } from '../wire/streamed.ts'
import { type RevocationsPage, readRevocations, signRevocations } from './revocation-pages.ts'
import { followRevocations } from './revocation-stream.ts'

const cursor = '^[0-9]{1,15}_[a-z_0-9]{0,40}$'

export const RevocationQuery = Type.Object(
  { after: Type.Optional(Type.String({ pattern: cursor })) },
  strict,
)

/**
 * Sessions and keys that ended, or have another secret, while a token of theirs may still live, oldest first. `next` tells the last minute again:
 * two servers may write in another order than they began, and an id that is told twice does no harm. `Accept: text/event-stream` goes on
 * telling as they end, `Accept: application/jwt` signs the page.
 */
export async function listRevocations(
  call: Call<unknown, unknown, Static<typeof RevocationQuery>>,
): Promise<RevocationsPage | Streamed> {
  const { app, query, now, carried } = call
  const accepts = String(carried.headers.accept ?? '')
  if (accepts.includes('text/event-stream')) {
    const last = String(carried.headers['last-event-id'] ?? '')
    const after = new RegExp(cursor).test(last) ? last : query.after
    return new Streamed(followRevocations(call, after), EVENT_HEADERS)
  }
  const page = await readRevocations(app, query.after, now)
  const signed = accepts.includes('application/jwt')
    ? signRevocations(app, page, query.after ?? null, now)
    : null
  return signed ? new Streamed(Buffer.from(signed), { 'content-type': 'application/jwt' }) : page
}
