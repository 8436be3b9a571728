import type { App } from '../context.ts'
import { type ErrorCode, errors } from '../errors.ts'
import type { HoldRow, UsageRow } from '../store/ledger.ts'
import type { Caller } from '../store/usage.ts'
import { moment } from '../wire/reply.ts'
import { sayReached } from './budget-refusal.ts'
import { readStandings, type Standing } from './caps.ts'
import type { TurnedAway } from './turned-away.ts'

/** An amount that leaves one account for another: whatever happens, the three together stay at nothing. */
export interface Move {
  readonly step: 'reserved' | 'settled' | 'refunded' | 'overrun'
  readonly from: 'free' | 'held'
  readonly to: 'free' | 'held' | 'spent'
  readonly tokens: number
  readonly money: number
}

export interface Explanation {
  readonly outcome: UsageRow['outcome'] | 'open'
  /** What the caller was answered, where that was no answer of a model. */
  readonly code: string | null
  readonly at: number
  readonly keyId: string | null
  readonly model: string | null
  readonly moves: readonly Move[]
  readonly looked: readonly Standing[]
  /** The one of them that refused it. */
  readonly refusedBy: Standing | null
  readonly sentence: string
}

/** What became of a call, and why; null when this caller made none of that name. */
export async function explain(
  app: App,
  requestId: string,
  caller: Caller,
): Promise<Explanation | null> {
  await app.usage.flush()
  const [usage, hold] = await Promise.all([
    app.store.usage.find(requestId, caller),
    app.store.ledger.findHold(requestId, caller),
  ])
  if (usage) return explainEntry(usage, hold?.settled_by === usage.id ? hold : null)
  if (hold) return explainOpen(hold)
  const turned = await app.turnedAway.find(requestId)
  return turned && isMine(turned, caller) ? explainTurnedAway(turned) : null
}

/** The same rule that finds the rows of the ledger. */
function isMine({ userId, keyId, parentId }: TurnedAway, caller: Caller): boolean {
  if (userId !== caller.userId) return false
  return caller.keyId === null || [keyId, parentId].includes(caller.keyId)
}

/** How the amounts of a call moved; what it held and what it came to need not be the same. */
export function movesOf(hold: HoldRow | null, usage: UsageRow): Move[] {
  const held = hold ? amountOf(hold) : { tokens: 0, money: 0 }
  const used = amountOf(usage)
  const least = {
    tokens: Math.min(held.tokens, used.tokens),
    money: Math.min(held.money, used.money),
  }
  const less = (one: Amount, other: Amount) => ({
    tokens: one.tokens - other.tokens,
    money: one.money - other.money,
  })
  const moves: Move[] = [
    { step: 'reserved', from: 'free', to: 'held', ...held },
    { step: 'settled', from: hold ? 'held' : 'free', to: 'spent', ...(hold ? least : used) },
    { step: 'refunded', from: 'held', to: 'free', ...less(held, least) },
    {
      step: 'overrun',
      from: 'free',
      to: 'spent',
      ...(hold ? less(used, least) : less(used, used)),
    },
  ]
  return moves.filter(({ tokens, money }) => tokens > 0 || money > 0)
}

type Amount = Pick<Move, 'tokens' | 'money'>

const amountOf = (row: { input_tokens: number; output_tokens: number; money: number }): Amount => ({
  tokens: row.input_tokens + row.output_tokens,
  money: row.money,
})

function explainEntry(usage: UsageRow, hold: HoldRow | null): Explanation {
  const looked = readStandings(usage.looked)
  const { outcome, happened_at, key_id, model } = usage
  const told = {
    outcome,
    looked,
    at: happened_at,
    keyId: key_id,
    model,
    moves: movesOf(hold, usage),
    refusedBy: refusedBy(usage, looked),
  }
  return { ...told, ...reasonOf(usage, looked) }
}

function reasonOf(
  usage: UsageRow,
  looked: readonly Standing[],
): Pick<Explanation, 'code' | 'sentence'> {
  const { outcome, reason, model } = usage
  const tokens = say(usage.input_tokens + usage.output_tokens)
  if (outcome === 'settled') {
    return { code: null, sentence: `It took ${tokens} tokens, as the model server told.` }
  }
  if (outcome === 'estimated') {
    const most = `It was never finished here, and is booked at the most that it could be: ${tokens} tokens.`
    const guess = `Nobody told what it took; ${tokens} tokens are our estimate.`
    return { code: null, sentence: reason === 'never settled' ? most : guess }
  }
  if (outcome === 'failed') {
    const code = reason && Object.hasOwn(errors, reason) ? (reason as ErrorCode) : null
    const why = code ? ` (${code}: ${errors[code][1]})` : ''
    return { code, sentence: `The model server answered nothing${why}, so nothing is owed.` }
  }
  if (reason === 'model') {
    return {
      code: 'INSUFFICIENT_PERMISSIONS',
      sentence: `This API key is not for the model ${model}.`,
    }
  }
  const standing = refusedBy(usage, looked)
  return {
    code: 'BUDGET_EXHAUSTED',
    sentence: standing ? sayReached(standing) : 'A budget was used up.',
  }
}

const refusedBy = ({ reason }: UsageRow, looked: readonly Standing[]) =>
  looked.find(({ level, limit }) => `${level} ${limit}` === reason) ?? null

function explainOpen(hold: HoldRow): Explanation {
  return {
    outcome: 'open',
    code: null,
    at: hold.created_at,
    keyId: hold.key_id,
    model: hold.model,
    moves: [{ step: 'reserved', from: 'free', to: 'held', ...amountOf(hold) }],
    looked: [],
    refusedBy: null,
    sentence: 'It is under way; what is held is given back or booked when it ends.',
  }
}

function explainTurnedAway({ keyId, limit, at, resetsAt }: TurnedAway): Explanation {
  return {
    outcome: 'refused',
    code: 'TOO_MANY_REQUESTS',
    at,
    keyId,
    model: null,
    moves: [],
    looked: [],
    refusedBy: null,
    sentence: `The limit ${limit} had no room; it had some again at ${moment(resetsAt)}.`,
  }
}

const say = (count: number) => count.toLocaleString('en-GB')
