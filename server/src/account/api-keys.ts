import { type Static, Type } from 'typebox'
import { forgetApiKey, makeApiKey } from '../auth/api-key.ts'
import { allowed } from '../auth/audit.ts'
import { keyEnded, reminderPassed } from '../auth/key-life.ts'
import { requireSignedIn } from '../auth/principal.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { LIVE_API_KEYS } from '../limits.ts'
import type { KeyTerms } from '../store/api-keys.ts'
import { strict } from '../wire/body.ts'
import {
  type ApiKeyAnswer,
  type ApiKeyList,
  ApiKeyParams,
  describe,
  type NewApiKeyAnswer,
  requireKey,
  requireNoChild,
  tell,
  tellKey,
} from './key-answer.ts'
import {
  type ApiKeyBody,
  type ChangedKeyBody,
  keptLimits,
  requireEnd,
  requireFitting,
  requirePausingLabel,
  unfit,
  wishOf,
} from './key-fields.ts'

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

type About = Static<typeof ApiKeyParams>

/** Makes a key. Its text is answered here and kept nowhere. */
export async function createApiKey(
  call: Call<Static<typeof ApiKeyBody>>,
): Promise<Static<typeof NewApiKeyAnswer>> {
  const { userId } = requireStrongSession(call)
  const wish = wishOf(call, userId, call.body)
  const made = await makeApiKey(call, wish)
  if (!made) throw unfit('name', `you have ${LIVE_API_KEYS} keys already; revoke one first`)
  return { ...describe(made.row, wish.labels ?? {}), key: made.key }
}

export async function listApiKeys(
  call: Call<unknown, unknown, Static<typeof ListQuery>>,
): Promise<Static<typeof ApiKeyList>> {
  const { app, query } = call
  const { userId } = requireSignedIn(call)
  const most = Number(query.limit ?? 20)
  const rows = await app.store.apiKeys.list(userId, query.after ?? null, most + 1)
  const data = await tell(call, rows.slice(0, most))
  return { object: 'list', data, has_more: rows.length > most }
}

export async function showApiKey(call: Call<unknown, About>): Promise<Static<typeof ApiKeyAnswer>> {
  return tellKey(call, call.params.id, requireSignedIn(call).userId)
}

/** Changes what was said of a key, but for its scopes: what a program may do is decided when its key is made. */
export async function changeApiKey(
  call: Call<Static<typeof ChangedKeyBody>, About>,
): Promise<Static<typeof ApiKeyAnswer>> {
  const { app, body, params, now } = call
  const { userId } = requireStrongSession(call)
  requireFitting(app, body)
  const row = await requireKey(call, params.id, userId)
  requireNoChild(row)
  requirePausingLabel(row.canary_pauses_label, body.labels)
  const event = allowed(call, 'key.changed', { userId, subjectId: row.id })
  const terms = termsOf(body, now)
  if (!(await app.store.apiKeys.change({ id: row.id, userId }, terms, body.labels ?? null, event)))
    throw keyEnded()
  forgetApiKey(app, row.id)
  return tellKey(call, row.id, userId)
}

/** Ends a key for good, from the next request on. */
export async function revokeApiKey(
  call: Call<unknown, About>,
): Promise<Static<typeof DeletedAnswer>> {
  const { app, params } = call
  const { userId } = requireSignedIn(call)
  const row = await requireKey(call, params.id, userId)
  const event = allowed(call, 'key.revoked', { userId, subjectId: row.id })
  await app.store.apiKeys.revoke(row.id, userId, event)
  forgetApiKey(app, row.id)
  return { id: row.id, object: 'api_key', deleted: true }
}

/** What was named, and nothing else. */
function termsOf(body: Static<typeof ChangedKeyBody>, now: number): Partial<KeyTerms> {
  const { name, models, networks, expires_at, limits } = body
  const ends = expires_at === undefined ? null : { at: requireEnd(expires_at, now) }
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(models === undefined ? {} : { models: models?.join(' ') ?? null }),
    ...(networks === undefined ? {} : { networks: networks?.join(' ') ?? null }),
    ...(ends ? { expires_at: ends.at, reminded_days: reminderPassed(ends.at, now) } : {}),
    ...keptLimits(limits),
  }
}
