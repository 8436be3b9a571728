import { type Static, Type } from 'typebox'
import { hasEnded } from '../auth/key-life.ts'
import { type KeyLimits, limitNames } from '../auth/key-limits.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ApiKeyRow, LabelRow, Labels, NewApiKey } from '../store/api-keys.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'
import { shownLimit } from './key-fields.ts'

/** What its owner sees of a key. */

const Count = OrNull(Type.Integer())
const Money = OrNull(Type.Number({ description: 'In the unit of the prices of models' }))

export const LimitsAnswer = Type.Object({
  requests_per_minute: Count,
  requests_per_day: Count,
  tokens_per_day: Count,
  tokens_per_month: Count,
  money_per_day: Money,
  money_per_month: Money,
})

const about = {
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  last4: Type.String(),
  scopes: Type.Array(Type.String()),
  models: OrNull(Type.Array(Type.String())),
  networks: OrNull(Type.Array(Type.String())),
  limits: LimitsAnswer,
  labels: Type.Record(Type.String(), Type.String()),
  created_at: Moment,
  expires_at: OrNull(Moment),
}

export const NewApiKeyAnswer = Type.Object({
  ...about,
  key: Type.String({ description: 'Shown here once and never again' }),
})

export const ApiKeyAnswer = Type.Object({
  ...about,
  status: Type.Union([
    Type.Literal('active'),
    Type.Literal('paused'),
    Type.Literal('expired'),
    Type.Literal('revoked'),
  ]),
  paused_by: OrNull(Type.String({ description: 'owner, or who else keeps it from being resumed' })),
  last_used_at: OrNull(Moment),
  last_used_network: OrNull(Type.String()),
  last_used_client: OrNull(Type.String()),
  refused: Type.Object(
    { calls: Type.Integer(), last_at: OrNull(Moment), last_network: OrNull(Type.String()) },
    { description: 'Calls with the whole key from outside its networks' },
  ),
})

export const ApiKeyList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ApiKeyAnswer),
  has_more: Type.Boolean(),
})

export const ApiKeyParams = Type.Object({ id: Type.String({ pattern: '^key_[0-9a-f]{32}$' }) })

/** Keys as their owner sees them, labels included. */
export async function tell(
  { app, now }: Pick<Call, 'app' | 'now'>,
  rows: readonly ApiKeyRow[],
): Promise<Static<typeof ApiKeyAnswer>[]> {
  const found = await app.store.apiKeys.listLabels(rows.map(({ id }) => id))
  const labels = Map.groupBy(found, ({ key_id }) => key_id)
  return rows.map((row) => ({
    ...describe(row, Object.fromEntries(labels.get(row.id)?.map(pair) ?? [])),
    ...stateOf(row, now),
  }))
}

const pair = ({ name, value }: LabelRow) => [name, value] as const

/** A key of the caller's; of anybody else's it is as if there were none. */
export async function requireKey(
  { app }: Pick<Call, 'app'>,
  id: string,
  userId: string,
): Promise<ApiKeyRow> {
  const row = await app.store.apiKeys.find(id, userId)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  return row
}

/** The same key as it stands now, told. */
export async function tellKey(
  call: Pick<Call, 'app' | 'now'>,
  id: string,
  userId: string,
): Promise<Static<typeof ApiKeyAnswer>> {
  const [told] = await tell(call, [await requireKey(call, id, userId)])
  if (!told) throw new ApiError('RESOURCE_NOT_FOUND')
  return told
}

/** What was said of a key when it was made, or later. */
export function describe(row: NewApiKey, labels: Labels) {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    scopes: row.scopes.split(' '),
    models: row.models?.split(' ') ?? null,
    networks: row.networks?.split(' ') ?? null,
    limits: limitsOf(row),
    labels,
    created_at: moment(row.created_at),
    expires_at: momentOrNull(row.expires_at),
  }
}

export function limitsOf(limits: KeyLimits): Static<typeof LimitsAnswer> {
  const shown = limitNames.map((name) => [name, shownLimit(name, limits[name])])
  return Object.fromEntries(shown) as Static<typeof LimitsAnswer>
}

function stateOf(row: ApiKeyRow, now: number) {
  return {
    status: statusOf(row, now),
    paused_by: row.paused_at === null ? null : (row.paused_by ?? 'owner'),
    last_used_at: momentOrNull(row.last_used_at),
    last_used_network: row.last_used_source,
    last_used_client: row.last_used_agent,
    refused: {
      calls: row.refused_calls,
      last_at: momentOrNull(row.last_refused_at),
      last_network: row.last_refused_source,
    },
  }
}

function statusOf(row: ApiKeyRow, now: number): Static<typeof ApiKeyAnswer>['status'] {
  if (row.revoked_at !== null) return 'revoked'
  if (hasEnded(row, now)) return 'expired'
  return row.paused_at === null ? 'active' : 'paused'
}
