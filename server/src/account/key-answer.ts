import { type Static, Type } from 'typebox'
import { formerEnd } from '../auth/former-secret.ts'
import { hasEnded } from '../auth/key-life.ts'
import { type KeyLimits, limitNames } from '../auth/key-limits.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ApiKeyRow, LabelRow, Labels, NewApiKey } from '../store/api-keys.ts'
import type { CallerRow } from '../store/key-uses.ts'
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

const Caller = Type.Object({
  network: Type.String({ description: 'An address, or the /64 of an IPv6 address' }),
  client: Type.String(),
  last_seen_at: Moment,
  calls: Type.Integer(),
})

const OldSecret = Type.Object(
  {
    prefix: Type.String(),
    last4: Type.String(),
    replaced_at: Moment,
    ends_at: Moment,
    end_when_silent: OrNull(Type.Integer({ description: 'Seconds' })),
    callers: Type.Array(Caller, { description: 'Who still uses it, the latest first' }),
  },
  { description: 'The secret before this one, while it opens' },
)

const about = {
  id: Type.String(),
  parent_id: OrNull(Type.String({ description: 'The key that made it' })),
  canary: Type.Boolean({ description: 'It never works, and its owner hears who tries it' }),
  canary_pauses_label: OrNull(
    Type.String({ description: 'Keys with the same label are paused when it is tried' }),
  ),
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
  old_secret: OrNull(OldSecret),
})

export const ApiKeyList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ApiKeyAnswer),
  has_more: Type.Boolean(),
})

export const ApiKeyParams = Type.Object({ id: Type.String({ pattern: '^key_[0-9a-f]{32}$' }) })

/** Keys as their owner sees them, with their labels and who still uses an old secret. */
export async function tell(
  { app, now }: Pick<Call, 'app' | 'now'>,
  rows: readonly ApiKeyRow[],
): Promise<Static<typeof ApiKeyAnswer>[]> {
  const found = await app.store.apiKeys.listLabels(rows.map(({ id }) => id))
  const labels = Map.groupBy(found, ({ key_id }) => key_id)
  const retiring = rows.filter((row) => !hasEnded(row, now) && now < formerEnd(row))
  const callers = await app.store.keyUses.listCallers(retiring.map(hashOfFormer))
  const bySecret = Map.groupBy(callers, ({ former_hash }) => former_hash)
  return rows.map((row) => ({
    ...describe(row, Object.fromEntries(labels.get(row.id)?.map(pair) ?? [])),
    ...stateOf(row, now),
    old_secret: retiring.includes(row)
      ? oldSecret(row, bySecret.get(hashOfFormer(row)) ?? [], now)
      : null,
  }))
}

const hashOfFormer = ({ former_hash }: ApiKeyRow) => former_hash ?? ''

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

/** A child is as its parent made it, and soon over: only ended or paused. */
export function requireNoChild({ parent_id }: ApiKeyRow): void {
  if (parent_id === null) return
  throw new ApiError('OPERATION_NOT_ALLOWED', { details: { reason: 'child_key' } })
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
    parent_id: row.parent_id,
    canary: row.canary_at !== null,
    canary_pauses_label: row.canary_pauses_label,
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

/** Where silence is to end the secret, who was silent for so long has gone over to the new one. */
function stillHeard({ former_silence_ms }: ApiKeyRow, now: number) {
  return ({ last_seen_at }: CallerRow) =>
    former_silence_ms === null || now - last_seen_at < former_silence_ms
}

function oldSecret(
  row: ApiKeyRow,
  callers: readonly CallerRow[],
  now: number,
): Static<typeof OldSecret> {
  return {
    prefix: row.former_prefix ?? '',
    last4: row.former_last4 ?? '',
    replaced_at: moment(row.replaced_at ?? 0),
    ends_at: moment(formerEnd(row)),
    end_when_silent: row.former_silence_ms === null ? null : row.former_silence_ms / 1000,
    callers: callers.filter(stillHeard(row, now)).map(({ source, agent, last_seen_at, calls }) => ({
      network: source,
      client: agent,
      last_seen_at: moment(last_seen_at),
      calls,
    })),
  }
}

function statusOf(row: ApiKeyRow, now: number): Static<typeof ApiKeyAnswer>['status'] {
  if (row.revoked_at !== null) return 'revoked'
  if (hasEnded(row, now)) return 'expired'
  return row.paused_at === null ? 'active' : 'paused'
}
