import { type Static, Type } from 'typebox'
import type { App } from '../context.ts'
import type { RevocationRow } from '../store/revocations.ts'
import { Moment, moment } from '../wire/reply.ts'

/** No access token lives longer, whatever the profile was when it was made; with what clocks may differ. */
const LONGEST_TOKEN_MS = 86_400_000 + 60_000
/** A change that another process was still writing may be this much older than what has been told already. */
const LATE_MS = 60_000
const MOST = 1000
/** For whom a signed page is; no token of ours is for the same. */
const AUDIENCE = 'freddy-revocations'

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

export type RevocationsPage = Static<typeof RevocationsAnswer>

/** What ended, from a cursor on; without one from before everything that still matters. */
export async function readRevocations(
  app: App,
  after: string | undefined,
  now: number,
): Promise<RevocationsPage> {
  const from = readCursor(after, now)
  const rows = await app.store.revocations.list({ ...from, most: MOST + 1 })
  const told = rows.slice(0, MOST)
  const last = told.at(-1)
  const hasMore = rows.length > MOST
  const next = hasMore && last ? cursorOf(last) : `${now - LATE_MS}_`
  const data = told.map(({ id, kind, ended_at }) => ({ id, kind, ended_at: moment(ended_at) }))
  return { object: 'list', data, has_more: hasMore, next }
}

/**
 * A page as a compact JWS of the key pair that signs access tokens, so that it is believed through whatever passes it on:
 * `after` says what it continues, `iat` how old it is. Null while JWT_ALG is HS256, which nobody else can verify.
 */
export function signRevocations(
  { signingKeys, config }: App,
  page: RevocationsPage,
  after: string | null,
  now: number,
): string | null {
  const pair = signingKeys.current
  if (!pair) return null
  const iss = config.publicUrl ?? 'freddy-auth'
  const head = { alg: pair.alg, typ: 'revocations+jwt', kid: pair.id }
  const claims = { iss, aud: AUDIENCE, iat: Math.floor(now / 1000), after, ...page }
  const text = [head, claims].map(encoded).join('.')
  return `${text}.${pair.sign(text)}`
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

const cursorOf = ({ ended_at, id }: RevocationRow) => `${ended_at}_${id}`

/** One from before everything that still matters, and one from tomorrow, begin anew. */
function readCursor(text: string | undefined, now: number): { since: number; afterId: string } {
  const begin = now - LONGEST_TOKEN_MS
  const [, moment = '', afterId = ''] = /^(\d+)_(.*)$/.exec(text ?? '') ?? []
  const since = Number(moment)
  return since < begin || since > now ? { since: begin, afterId: '' } : { since, afterId }
}
