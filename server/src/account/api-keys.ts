import { type Static, Type } from 'typebox'
import { makeApiKey } from '../auth/api-key.ts'
import { allowed } from '../auth/audit.ts'
import { requireSignedIn, scopes } from '../auth/principal.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { LIVE_API_KEYS } from '../limits.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { Name, strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'
import { isSafeName } from '../wire/text.ts'

const STANDARD_LIFE_MS = 90 * 86_400_000
const LONGEST_LIFE_MS = 3650 * 86_400_000

const Scope = Type.Union(scopes.map((scope) => Type.Literal(scope)))

export const ApiKeyBody = Type.Object(
  {
    name: Name,
    scopes: Type.Optional(
      Type.Array(Scope, { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
    ),
    expires_at: Type.Optional(OrNull(Moment)),
  },
  strict,
)

const about = {
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  last4: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Moment,
  expires_at: OrNull(Moment),
}

export const NewApiKeyAnswer = Type.Object({
  ...about,
  key: Type.String({ description: 'Shown here once and never again' }),
})

export const ApiKeyAnswer = Type.Object({
  ...about,
  status: Type.Union([Type.Literal('active'), Type.Literal('expired'), Type.Literal('revoked')]),
  last_used_at: OrNull(Moment),
})

export const ApiKeyList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ApiKeyAnswer),
  has_more: Type.Boolean(),
})

export const ApiKeyParams = Type.Object({ id: Type.String({ pattern: '^key_[0-9a-f]{32}$' }) })

export const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(ApiKeyParams.properties.id),
  },
  strict,
)

export const DeletedAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('api_key'),
  deleted: Type.Literal(true),
})

/** Makes a key. Its text is answered here and kept nowhere. */
export async function createApiKey(
  call: Call<Static<typeof ApiKeyBody>>,
): Promise<Static<typeof NewApiKeyAnswer>> {
  const { body, now } = call
  const { userId } = requireStrongSession(call)
  if (!isSafeName(body.name))
    throw unfit('name', 'a name without control characters or web addresses')
  const made = await makeApiKey(call, {
    userId,
    name: body.name,
    scopes: body.scopes ?? ['responses', 'models'],
    expiresAt: requireEnd(body.expires_at, now),
  })
  if (!made) throw unfit('name', `you have ${LIVE_API_KEYS} keys already; revoke one first`)
  return { ...describe(made.row), key: made.key }
}

export async function listApiKeys(
  call: Call<unknown, unknown, Static<typeof ListQuery>>,
): Promise<Static<typeof ApiKeyList>> {
  const { app, query, now } = call
  const { userId } = requireSignedIn(call)
  const most = Number(query.limit ?? 20)
  const rows = await app.store.apiKeys.list(userId, query.after ?? null, most + 1)
  const data = rows.slice(0, most).map((row) => state(row, now))
  return { object: 'list', data, has_more: rows.length > most }
}

export async function showApiKey(
  call: Call<unknown, Static<typeof ApiKeyParams>>,
): Promise<Static<typeof ApiKeyAnswer>> {
  const row = await call.app.store.apiKeys.find(call.params.id, requireSignedIn(call).userId)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  return state(row, call.now)
}

/** Ends a key for good, from the next request on. */
export async function revokeApiKey(
  call: Call<unknown, Static<typeof ApiKeyParams>>,
): Promise<Static<typeof DeletedAnswer>> {
  const { app, params } = call
  const { userId } = requireSignedIn(call)
  const row = await app.store.apiKeys.find(params.id, userId)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  const event = allowed(call, 'key.revoked', { userId, subjectId: row.id })
  await app.store.apiKeys.revoke(row.id, userId, event)
  app.liveApiKeys.delete(row.hash)
  return { id: row.id, object: 'api_key', deleted: true }
}

/** Absent means 90 days, null means never. */
function requireEnd(text: string | null | undefined, now: number): number | null {
  if (text === undefined) return now + STANDARD_LIFE_MS
  if (text === null) return null
  const end = Date.parse(text)
  if (end > now && end <= now + LONGEST_LIFE_MS) return end
  throw unfit('expires_at', 'a moment to come, at most ten years from now')
}

function describe(
  row: Omit<ApiKeyRow, 'revoked_at' | 'last_used_at' | 'paused_at' | 'disabled_at'>,
) {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    scopes: row.scopes.split(' '),
    created_at: moment(row.created_at),
    expires_at: momentOrNull(row.expires_at),
  }
}

function state(row: ApiKeyRow, now: number): Static<typeof ApiKeyAnswer> {
  const expired = row.expires_at !== null && now >= row.expires_at
  const alive = expired ? 'expired' : 'active'
  return {
    ...describe(row),
    status: row.revoked_at === null ? alive : 'revoked',
    last_used_at: momentOrNull(row.last_used_at),
  }
}

function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
