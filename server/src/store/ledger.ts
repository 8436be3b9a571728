import type { Database, Statement } from './database.ts'
import { type Guard, insert } from './sql.ts'

/** Tokens, and money in millionths of a unit. */
export interface Amount {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly money: number
}

/** The most that a key may spend in a period; null where it has no cap. */
export interface Cap {
  readonly period: 'day' | 'month'
  readonly startsAt: number
  readonly tokens: number | null
  readonly money: number | null
}

export interface ReservationRow {
  readonly id: string
  readonly request_id: string
  readonly user_id: string
  readonly key_id: string
  readonly model: string
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money: number
  readonly created_at: number
  readonly lease_until: number
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
  readonly outcome: 'settled' | 'estimated' | 'refused'
  /** Which limit refused. */
  readonly reason: string | null
}

export interface SpendingRow {
  readonly period: 'day' | 'month'
  readonly starts_at: number
  readonly held_tokens: number
  readonly spent_tokens: number
  readonly held_money: number
  readonly spent_money: number
}

/** The periods that a moment falls into, by their starts. */
export type Periods = readonly Pick<Cap, 'period' | 'startsAt'>[]

export interface LedgerStore {
  /** Holds the reservation's amount in each period. False when one of the caps is reached. */
  reserve(row: ReservationRow, caps: readonly Cap[]): Promise<boolean>
  /** Turns what was held into what was spent. True for exactly one caller. */
  settle(row: ReservationRow, periods: Periods, usage: UsageRow): Promise<boolean>
  /** Writes calls that held nothing, with what their keys have spent by it. */
  record(calls: readonly { usage: UsageRow; periods: Periods }[]): Promise<void>
  /** Reservations that nobody settled in time. */
  listOverdue(now: number, most: number): Promise<ReservationRow[]>
  listSpending(keyId: string, periods: Periods): Promise<SpendingRow[]>
}

export function createLedgerStore(database: Database): LedgerStore {
  return {
    async reserve(row, caps) {
      const results = await database.batch([
        ...caps.map((cap) => addSpending(row.key_id, cap, 0, 0)),
        insert('reservations', { ...row }, all(row.key_id, caps), 'RETURNING id'),
        ...caps.map((cap) => hold(row, cap)),
      ])
      return (results[caps.length]?.length ?? 0) > 0
    },

    async settle(row, periods, usage) {
      const mine: Guard = {
        sql: 'EXISTS (SELECT 1 FROM reservations WHERE id = :held AND settled_by = :settled_by)',
        params: { held: row.id, settled_by: usage.id },
      }
      const [settled] = await database.batch([
        {
          sql: 'UPDATE reservations SET settled_by = :by WHERE id = :id AND settled_by IS NULL RETURNING id',
          params: { id: row.id, by: usage.id },
        },
        ...periods.map((period) => release(row, period, usage, mine)),
        insert('usage_entries', { ...usage }, mine),
      ])
      return (settled?.length ?? 0) > 0
    },

    async record(calls) {
      // In one order for all processes, so that two never wait for each other.
      const tallies = calls.flatMap(tally).sort((one, other) => (one.sort < other.sort ? -1 : 1))
      await database.batch([
        ...tallies.map(({ statement }) => statement),
        ...calls.map(({ usage }) => insert('usage_entries', { ...usage }, stands(usage.user_id))),
      ])
    },

    listOverdue: (now, most) =>
      database.read<ReservationRow>(
        `SELECT id, request_id, user_id, key_id, model, input_tokens, output_tokens, money, created_at,
           lease_until FROM reservations WHERE lease_until <= :now AND settled_by IS NULL LIMIT :most`,
        { now, most },
      ),

    listSpending(keyId, periods) {
      const starts = periods.map((_, index) => `(period = :p${index} AND starts_at = :s${index})`)
      const params = periods.flatMap(({ period, startsAt }, index) => [
        [`p${index}`, period],
        [`s${index}`, startsAt],
      ])
      return database.read<SpendingRow>(
        `SELECT period, starts_at, held_tokens, spent_tokens, held_money, spent_money FROM spending
         WHERE key_id = :key AND (${starts.join(' OR ')})`,
        { key: keyId, ...Object.fromEntries(params) },
      )
    },
  }
}

/** A call whose person was deleted before it was booked is booked for nobody, and holds up no other. */
function stands(userId: string): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM users WHERE id = :booked_for)',
    params: { booked_for: userId },
  }
}

/** Adds to what was spent. With nothing to add it makes the row, and locks it until the batch is done. */
function addSpending(
  keyId: string,
  { period, startsAt }: Pick<Cap, 'period' | 'startsAt'>,
  tokens: number,
  money: number,
): Statement {
  return {
    sql: `INSERT INTO spending (key_id, period, starts_at, held_tokens, spent_tokens, held_money, spent_money)
      SELECT id, CAST(:period AS TEXT), CAST(:starts AS BIGINT), 0, CAST(:tokens AS BIGINT), 0,
        CAST(:money AS BIGINT) FROM api_keys WHERE id = :key
      ON CONFLICT (key_id, period, starts_at) DO UPDATE SET
        spent_tokens = spending.spent_tokens + excluded.spent_tokens,
        spent_money = spending.spent_money + excluded.spent_money`,
    params: { key: keyId, period, starts: startsAt, tokens, money },
  }
}

/** No cap is reached: the call that reaches one is let through whole, the next is not. */
function all(keyId: string, caps: readonly Cap[]): Guard {
  const params: Record<string, string | number> = { capped: keyId }
  const reached = caps.flatMap(({ period, startsAt, tokens, money }) => {
    params[`${period}_start`] = startsAt
    const row = `period = '${period}' AND starts_at = :${period}_start`
    if (tokens !== null) params[`${period}_tokens`] = tokens
    if (money !== null) params[`${period}_money`] = money
    return [
      ...(tokens === null ? [] : [`${row} AND held_tokens + spent_tokens >= :${period}_tokens`]),
      ...(money === null ? [] : [`${row} AND held_money + spent_money >= :${period}_money`]),
    ]
  })
  return {
    sql: `NOT EXISTS (SELECT 1 FROM spending WHERE key_id = :capped AND (${reached.map((one) => `(${one})`).join(' OR ')}))`,
    params,
  }
}

function hold(row: ReservationRow, { period, startsAt }: Cap): Statement {
  return {
    sql: `UPDATE spending SET held_tokens = held_tokens + :tokens, held_money = held_money + :money
      WHERE key_id = :key AND period = :period AND starts_at = :starts
        AND EXISTS (SELECT 1 FROM reservations WHERE id = :held)`,
    params: {
      tokens: row.input_tokens + row.output_tokens,
      money: row.money,
      key: row.key_id,
      period,
      starts: startsAt,
      held: row.id,
    },
  }
}

function release(
  row: ReservationRow,
  { period, startsAt }: Pick<Cap, 'period' | 'startsAt'>,
  usage: UsageRow,
  mine: Guard,
): Statement {
  return {
    sql: `UPDATE spending SET held_tokens = held_tokens - :held_tokens, held_money = held_money - :held_money,
        spent_tokens = spent_tokens + :tokens, spent_money = spent_money + :money
      WHERE key_id = :key AND period = :period AND starts_at = :starts AND ${mine.sql}`,
    params: {
      held_tokens: row.input_tokens + row.output_tokens,
      held_money: row.money,
      tokens: usage.input_tokens + usage.output_tokens,
      money: usage.money,
      key: row.key_id,
      period,
      starts: startsAt,
      ...mine.params,
    },
  }
}

function tally({ usage, periods }: { usage: UsageRow; periods: Periods }) {
  const keyId = usage.key_id
  if (keyId === null || usage.outcome === 'refused') return []
  const tokens = usage.input_tokens + usage.output_tokens
  return periods.map((period) => ({
    sort: `${keyId} ${period.period} ${period.startsAt}`,
    statement: addSpending(keyId, period, tokens, usage.money),
  }))
}
