import { type Static, Type } from 'typebox'
import type { Standing } from '../responses/caps.ts'
import type { UsageRow } from '../store/ledger.ts'
import type { Grouping, UsageSum } from '../store/usage.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, OrNull } from '../wire/reply.ts'

const DAY = 86_400_000

export const UsageQuery = Type.Object(
  {
    from: Type.Optional(Moment),
    to: Type.Optional(Moment),
    by: Type.Optional(
      Type.Union([Type.Literal('key'), Type.Literal('model'), Type.Literal('day')]),
    ),
  },
  strict,
)

const sums = {
  calls: Type.Integer(),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  money_millionths: Type.Integer({ description: 'Millionths of the unit that prices are in' }),
}

export const UsageLimit = Type.Object({
  level: Type.Union([Type.Literal('person'), Type.Literal('parent'), Type.Literal('key')]),
  key: OrNull(Type.String()),
  limit: Type.String(),
  unit: Type.Union([Type.Literal('tokens'), Type.Literal('millionths')]),
  used: Type.Integer({ description: 'What a call is refused by: spent, and held' }),
  held: Type.Integer({ description: 'Of that, held for calls under way' }),
  most: Type.Integer(),
  resets_at: Moment,
})

export const UsageAnswer = Type.Object({
  object: Type.Literal('usage'),
  from: Moment,
  to: Moment,
  total: Type.Object(sums),
  data: Type.Array(
    Type.Object({
      key: Type.Optional(OrNull(Type.String({ description: 'Null for calls of a session' }))),
      model: Type.Optional(Type.String()),
      day: Type.Optional(Type.String({ format: 'date' })),
      ...sums,
    }),
  ),
  limits: Type.Array(UsageLimit),
})

export const CallsQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(Type.String({ pattern: '^use_[0-9a-f]{32}$' })),
  },
  strict,
)

const Outcome = Type.Union([
  Type.Literal('open'),
  Type.Literal('settled'),
  Type.Literal('estimated'),
  Type.Literal('failed'),
  Type.Literal('refused'),
])

export const CallsAnswer = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      id: Type.String({ description: 'For `after`' }),
      request_id: Type.String({ description: 'The `x-request-id` of its answer' }),
      created_at: Moment,
      key: OrNull(Type.String()),
      model: Type.String(),
      outcome: Outcome,
      input_tokens: Type.Integer(),
      output_tokens: Type.Integer(),
      money_millionths: sums.money_millionths,
    }),
  ),
  has_more: Type.Boolean(),
})

export const ExplainParams = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$' }),
})

export const ExplainAnswer = Type.Object({
  object: Type.Literal('usage.explanation'),
  request_id: Type.String(),
  created_at: Moment,
  key: OrNull(Type.String()),
  model: OrNull(Type.String()),
  outcome: Outcome,
  code: OrNull(Type.String({ description: 'What the caller was refused with' })),
  sentence: Type.String(),
  moves: Type.Array(
    Type.Object({
      step: Type.String(),
      from: Type.String(),
      to: Type.String(),
      tokens: Type.Integer(),
      money_millionths: sums.money_millionths,
    }),
  ),
  limits: Type.Array(UsageLimit),
})

type Sums = Static<ReturnType<typeof Type.Object<typeof sums>>>

export const sumOf = (row: UsageSum | null): Sums => ({
  calls: row?.calls ?? 0,
  input_tokens: row?.input_tokens ?? 0,
  output_tokens: row?.output_tokens ?? 0,
  money_millionths: row?.money ?? 0,
})

export const plus = (one: Sums, other: Sums): Sums => ({
  calls: one.calls + other.calls,
  input_tokens: one.input_tokens + other.input_tokens,
  output_tokens: one.output_tokens + other.output_tokens,
  money_millionths: one.money_millionths + other.money_millionths,
})

export function named(by: Grouping, name: string | null) {
  if (by === 'key') return { key: name }
  if (by === 'model') return { model: name ?? '' }
  return { day: moment(Number(name) * DAY).slice(0, 10) }
}

export function tellStanding(standing: Standing): Static<typeof UsageLimit> {
  const { level, owner, limit, used, held, most, resetsAt } = standing
  const unit = limit.startsWith('money') ? 'millionths' : 'tokens'
  const key = level === 'person' ? null : owner
  return { level, key, limit, unit, used, held, most, resets_at: moment(resetsAt) }
}

export function tellCall(row: UsageRow): Static<typeof CallsAnswer>['data'][number] {
  return {
    id: row.id,
    request_id: row.request_id,
    created_at: moment(row.happened_at),
    key: row.key_id,
    model: row.model,
    outcome: row.outcome,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    money_millionths: row.money,
  }
}
