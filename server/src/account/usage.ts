import type { Static } from 'typebox'
import type { Principal } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Standing } from '../responses/caps.ts'
import { type Explanation, explain } from '../responses/explanation.ts'
import { spenderOf, standing, standingOfKeys } from '../responses/ledger.ts'
import type { Caller } from '../store/usage.ts'
import { moment } from '../wire/reply.ts'
import {
  type CallsAnswer,
  type CallsQuery,
  type ExplainAnswer,
  type ExplainParams,
  named,
  plus,
  sumOf,
  tellCall,
  tellStanding,
  type UsageAnswer,
  type UsageQuery,
} from './usage-answers.ts'

/** As long as entries are kept. */
const LONGEST_SPAN_MS = 400 * 86_400_000
const MOST_KEYS = 200

/** What was used, and how far the limits are gone: the counters that the next call is judged by. A key sees its own. */
export async function showUsage(
  call: Call<unknown, unknown, Static<typeof UsageQuery>>,
): Promise<Static<typeof UsageAnswer>> {
  const { app, query } = call
  const { from, to } = requireSpan(query, call.now)
  const by = query.by ?? 'day'
  await app.usage.flush()
  const rows = await app.store.usage.listSums(callerOf(call), by, from, to)
  return {
    object: 'usage',
    from: moment(from),
    to: moment(to),
    total: rows.map(sumOf).reduce(plus, sumOf(null)),
    data: rows.map((row) => ({ ...named(by, row.name), ...sumOf(row) })),
    limits: (await standingsFor(call)).map(tellStanding),
  }
}

/** Every call by itself, newest first. */
export async function listCalls(
  call: Call<unknown, unknown, Static<typeof CallsQuery>>,
): Promise<Static<typeof CallsAnswer>> {
  const { app, query } = call
  const most = Number(query.limit ?? 20)
  await app.usage.flush()
  const rows = await app.store.usage.list(callerOf(call), query.after ?? null, most + 1)
  return {
    object: 'list',
    data: rows.slice(0, most).map(tellCall),
    has_more: rows.length > most,
  }
}

/** What became of one call, and why; to anybody else it is not there. */
export async function explainCall(
  call: Call<unknown, Static<typeof ExplainParams>>,
): Promise<Static<typeof ExplainAnswer>> {
  const { app, params } = call
  const told = await explain(app, params.id, callerOf(call))
  if (!told) throw new ApiError('RESOURCE_NOT_FOUND')
  return {
    object: 'usage.explanation',
    request_id: params.id,
    created_at: moment(told.at),
    key: told.keyId,
    model: told.model,
    outcome: told.outcome,
    code: told.code,
    sentence: told.sentence,
    moves: told.moves.map(({ money, ...move }) => ({ ...move, money_millionths: money })),
    limits: limitsFor(call, told).map(tellStanding),
  }
}

function callerOf(call: Call<unknown, unknown, unknown>): Caller {
  const { userId, keyId } = spenderOf(call)
  return { userId, keyId }
}

/** What a key does not see of its person, it sees where that refused it: the refusal said so too. */
function limitsFor(
  { principal }: { readonly principal: Principal | null },
  { looked, refusedBy }: Explanation,
): readonly Standing[] {
  if (principal?.kind !== 'key-holder') return looked
  const { keyId } = principal
  return looked.filter((one) => one.level === 'key' || one.owner === keyId || one === refusedBy)
}

/** A key is told of its own limits; what its person did with others is none of its business. */
async function standingsFor(call: Call<unknown, unknown, unknown>): Promise<Standing[]> {
  const { app, now, principal } = call
  const mine = await standing(app, spenderOf(call), now)
  if (principal?.kind === 'key-holder') return mine.filter(({ level }) => level === 'key')
  const { userId } = spenderOf(call)
  const keys = await app.store.apiKeys.listCapped(userId, now, MOST_KEYS)
  return [...mine, ...(await standingOfKeys(app, userId, keys, now))]
}

/** From the beginning of the UTC month until now, unless the query says otherwise. */
function requireSpan(query: Static<typeof UsageQuery>, now: number): { from: number; to: number } {
  const at = new Date(now)
  const to = query.to === undefined ? now + 1 : Date.parse(query.to)
  const from =
    query.from === undefined
      ? Math.min(to, Date.UTC(at.getUTCFullYear(), at.getUTCMonth()))
      : Date.parse(query.from)
  if (from <= to && to - from <= LONGEST_SPAN_MS) return { from, to }
  const fields = [{ field: 'from', message: 'a moment before `to`, at most 400 days' }]
  throw new ApiError('VALIDATION_ERROR', { details: { fields }, param: 'from' })
}
