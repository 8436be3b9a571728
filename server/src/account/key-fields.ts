import { type Static, Type } from 'typebox'
import type { KeyWish } from '../auth/api-key.ts'
import { readEnd } from '../auth/key-life.ts'
import { type KeyLimits, limitNames, mostRequests } from '../auth/key-limits.ts'
import { LONGEST_CHILD_SECONDS } from '../auth/key-tree.ts'
import { operatorScopes, scopes } from '../auth/principal.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { Name, strict } from '../wire/body.ts'
import { parseNetworks } from '../wire/network.ts'
import { Moment, OrNull } from '../wire/reply.ts'
import { isCleanText, isSafeName } from '../wire/text.ts'

/** What a request says of a key, on its way to what is kept. */

const MILLIONTHS = 1_000_000

const Count = Type.Optional(OrNull(Type.Integer({ minimum: 1, maximum: 1e12 })))
const Money = Type.Optional(OrNull(Type.Number({ minimum: 1 / MILLIONTHS, maximum: 1e9 })))

/** Caps on what is spent: of a key, or of a person. */
export const spending = {
  tokens_per_day: Count,
  tokens_per_month: Count,
  money_per_day: Money,
  money_per_month: Money,
}
const Limits = Type.Object(
  { requests_per_minute: Count, requests_per_day: Count, ...spending },
  strict,
)

const Model = Type.String({ pattern: '^[!-~]+$', maxLength: 200 })
const Network = Type.String({ minLength: 1, maxLength: 49 })
const Models = Type.Array(Model, { minItems: 1, maxItems: 50, uniqueItems: true })
const NetworkList = Type.Array(Network, { minItems: 1, maxItems: 20, uniqueItems: true })
const LabelName = { pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' }
const Labels = Type.Record(Type.String(LabelName), Type.String({ maxLength: 64 }), {
  ...strict,
  maxProperties: 10,
})

/** What its owner says of a key when it is made, and may say anew later. */
export const terms = {
  models: Type.Optional(OrNull(Models)),
  networks: Type.Optional(OrNull(NetworkList)),
  expires_at: Type.Optional(OrNull(Moment)),
  limits: Type.Optional(Limits),
  labels: Type.Optional(Labels),
}

const Scope = Type.Union(scopes.map((scope) => Type.Literal(scope)))

export const ApiKeyBody = Type.Object(
  {
    name: Name,
    scopes: Type.Optional(
      Type.Array(Scope, { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
    ),
    canary: Type.Optional(
      Type.Literal(true, { description: 'A key that never works, and tells me who tries it' }),
    ),
    canary_pauses_label: Type.Optional(
      Type.String({
        ...LabelName,
        description: 'A label of the canary: my keys with the same one are paused when it is tried',
      }),
    ),
    ...terms,
  },
  strict,
)

const AnyScope = Type.Union([...scopes, ...operatorScopes].map((scope) => Type.Literal(scope)))

/** What the operator's shell says of a key: the same, with the scopes that are given there alone. */
export const OperatorKeyBody = Type.Object(
  {
    ...ApiKeyBody.properties,
    scopes: Type.Optional(Type.Array(AnyScope, { minItems: 1, uniqueItems: true })),
  },
  strict,
)

export const ChangedKeyBody = Type.Object({ name: Type.Optional(Name), ...terms }, strict)

const Handed = Type.Union(
  scopes.filter((scope) => scope !== 'keys:derive').map((scope) => Type.Literal(scope)),
)

/** What a program says of a child of its key. What it does not say is as its key has it. */
export const ChildBody = Type.Object(
  {
    name: Name,
    scopes: Type.Optional(
      Type.Array(Handed, { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
    ),
    models: Type.Optional(Models),
    networks: Type.Optional(NetworkList),
    expires_in: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: LONGEST_CHILD_SECONDS,
        description: 'Seconds; an hour when nothing is said',
      }),
    ),
    limits: Type.Optional(Type.Object(spending, strict)),
    labels: terms.labels,
  },
  strict,
)

type Terms = Static<typeof ChangedKeyBody>

/** What the schema cannot say: 422 with the first field that does not fit. */
export function requireFitting(app: App, { name, models, networks, limits, labels }: Terms): void {
  if (name !== undefined && !isSafeName(name)) {
    throw unfit('name', 'a name without control characters or web addresses')
  }
  if (models?.some((model) => model.slice(0, -1).includes('*'))) {
    throw unfit('models', 'names of models, with a star at the end only')
  }
  if (networks) requireNetworks(networks)
  for (const row of ['requests_per_minute', 'requests_per_day'] as const) {
    const most = mostRequests(app.config.limits.requests, row)
    if ((limits?.[row] ?? 0) > most) throw unfit(`limits.${row}`, `at most ${most} on this server`)
  }
  if (!Object.values(labels ?? {}).every(isCleanText)) {
    throw unfit('labels', 'values without control characters')
  }
}

/** What is to be made of it; throws the first thing that does not fit. */
export function wishOf(
  { app, now }: { readonly app: App; readonly now: number },
  userId: string,
  body: Static<typeof OperatorKeyBody>,
): KeyWish {
  requireFitting(app, body)
  const { canary_pauses_label: label } = body
  if (label !== undefined && (!body.canary || !Object.hasOwn(body.labels ?? {}, label))) {
    throw unfit('canary_pauses_label', 'the name of a label that this canary has')
  }
  return {
    userId,
    name: body.name,
    scopes: body.scopes ?? ['responses', 'models'],
    ...(body.canary ? { canary: true } : {}),
    ...(label === undefined ? {} : { canaryPausesLabel: label }),
    expiresAt: requireEnd(endOf(body), now),
    models: body.models ?? null,
    networks: body.networks ?? null,
    limits: keptLimits(body.limits),
    labels: body.labels ?? {},
  }
}

/** A canary that lost the label by which it pauses would pause nothing, and nobody would know. */
export function requirePausingLabel(label: string | null, labels: Terms['labels']): void {
  if (label === null || labels === undefined || Object.hasOwn(labels, label)) return
  throw unfit('labels', `the label ${label} too, by which this canary pauses keys`)
}

/** A canary waits for as long as it takes. */
const endOf = ({ canary, expires_at }: Static<typeof OperatorKeyBody>) =>
  canary && expires_at === undefined ? null : expires_at

/** The moment at which a key is to end. Absent means 90 days, null means never. */
export function requireEnd(text: string | null | undefined, now: number): number | null {
  const end = readEnd(text, now)
  if (!end) throw unfit('expires_at', 'a moment to come, at most ten years from now')
  return end.at
}

/** Limits as they are kept: money in millionths. Only those that were named. */
export function keptLimits(limits: Terms['limits'] = {}): Partial<KeyLimits> {
  const named = limitNames.flatMap((name) => {
    const value = limits[name]
    if (value === undefined) return []
    const isMoney = name.startsWith('money') && value !== null
    return [[name, isMoney ? Math.round(value * MILLIONTHS) : value]]
  })
  return Object.fromEntries(named)
}

/** A limit, or what is left of one, as the wire has it: money in whole units. */
export function shownLimit(name: string, value: number): number
export function shownLimit(name: string, value: number | null): number | null
export function shownLimit(name: string, value: number | null): number | null {
  return value !== null && name.startsWith('money') ? value / MILLIONTHS : value
}

function requireNetworks(networks: readonly string[]): void {
  try {
    parseNetworks(networks)
  } catch (cause) {
    throw unfit('networks', cause instanceof Error ? cause.message : 'networks')
  }
}

export function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
