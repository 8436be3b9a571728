import { type BookingGroup, bookGroup } from './bookings.ts'
import type { Database, Statement } from './database.ts'
import {
  type Cap,
  holdIn,
  isCap,
  type Move,
  noneReached,
  type Place,
  readStandings,
  type SpendingRow,
  spendIn,
  standingIn,
} from './spending.ts'
import { all, type Guard, insert } from './sql.ts'
import { type Caller, ofCaller } from './usage.ts'

/** Tokens, and money in millionths of a unit. */
export interface Amount {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly money: number
}

/** The most that a call under a cap can come to, held until it is settled. */
export interface HoldRow {
  readonly id: string
  readonly request_id: string
  readonly user_id: string
  /** Null for a person with a session. */
  readonly key_id: string | null
  readonly model: string
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money: number
  readonly created_at: number
  readonly lease_until: number
}

export interface KeptHoldRow extends HoldRow {
  /** The entry that it became; null while the call is under way. */
  readonly settled_by: string | null
}

export interface OverdueRow extends HoldRow {
  /** The key that made its key. */
  readonly parent_id: string | null
}

/** One call as the bill has it. */
export interface UsageRow {
  readonly id: string
  readonly request_id: string
  readonly user_id: string
  readonly key_id: string | null
  readonly model: string
  readonly happened_at: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money: number
  /** Told by the model server, estimated by us, failed there without an answer, or refused here. */
  readonly outcome: 'settled' | 'estimated' | 'failed' | 'refused'
  /** Which limit refused, or how it failed. */
  readonly reason: string | null
  /** The limits as they stood when it was decided, a line each; see responses/caps.ts. */
  readonly looked: string | null
}

/** A call that wants room, in these places under these caps. */
export interface Reserve {
  readonly row: HoldRow
  readonly caps: readonly Cap[]
}

/** Whether it got it, and how its caps stand then. */
export interface Reserved {
  readonly held: boolean
  readonly rows: readonly SpendingRow[]
}

export interface LedgerStore {
  /** Each of these calls holds its amount in every place at once, or in none when a cap is reached. */
  reserve(reserves: readonly Reserve[]): Promise<Reserved[]>
  /** Writes calls with what their places have spent by them, once, however often the group is handed over. */
  book(group: BookingGroup): Promise<void>
  /** Holds that nobody settled in time. */
  listOverdue(now: number, most: number): Promise<OverdueRow[]>
  findHold(requestId: string, caller: Caller): Promise<KeptHoldRow | null>
  listSpending(places: readonly Place[]): Promise<SpendingRow[]>
}

const columns = `id, request_id, user_id, key_id, model, input_tokens, output_tokens, money, created_at,
  lease_until`

export function createLedgerStore(database: Database): LedgerStore {
  return {
    async reserve(reserves) {
      const locks = spendIn(
        reserves.flatMap(({ caps }) => caps.map((place) => ({ ...place, ...nothing }))),
      )
      const calls = reserves.map(reserveStatements)
      const results = await database.batch([...locks, ...calls.flat()])
      let start = locks.length
      return calls.map((statements, index) => {
        const mine = results.slice(start, start + statements.length)
        start += statements.length
        const looked = (reserves[index]?.caps ?? []).filter(isCap).length
        const rows = mine.slice(mine.length - looked).flat() as unknown as SpendingRow[]
        return { held: (mine[0]?.length ?? 0) > 0, rows }
      })
    },

    book: (group) => bookGroup(database, group),

    listOverdue: (now, most) =>
      database.read<OverdueRow>(
        `SELECT ${columns}, (SELECT parent_id FROM api_keys WHERE id = holds.key_id) AS parent_id
         FROM holds WHERE lease_until <= :now AND settled_by IS NULL LIMIT :most`,
        { now, most },
      ),

    async findHold(requestId, { userId, keyId }) {
      const [row] = await database.read<KeptHoldRow>(
        `SELECT ${columns}, settled_by FROM holds WHERE request_id = :request AND ${ofCaller}
         ORDER BY created_at DESC, id LIMIT 1`,
        { request: requestId, user: userId, key: keyId },
      )
      return row ?? null
    },

    listSpending: (places) => readStandings(database, places),
  }
}

const nothing: Move = { tokens: 0, money: 0 }

const heldBy = ({ input_tokens, output_tokens, money }: HoldRow): Move => ({
  tokens: input_tokens + output_tokens,
  money,
})

/** The row of the first says whether it was held; those of the last say how the caps stood. */
function reserveStatements({ row, caps }: Reserve): Statement[] {
  const mine: Guard = {
    sql: 'EXISTS (SELECT 1 FROM holds WHERE id = :held)',
    params: { held: row.id },
  }
  return [
    insert('holds', { ...row }, all(noneReached(caps), isThere(row)), 'RETURNING id'),
    ...caps.map((place) => holdIn(place, heldBy(row), mine)),
    ...caps.filter(isCap).map(standingIn),
  ]
}

/** A person who was deleted meanwhile holds nothing. */
const isThere = ({ user_id }: { user_id: string }): Guard => ({
  sql: 'EXISTS (SELECT 1 FROM users WHERE id = :payer)',
  params: { payer: user_id },
})
