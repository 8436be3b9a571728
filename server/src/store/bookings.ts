import type { Bulk, Database, Statement, Value } from './database.ts'
import type { HoldRow, UsageRow } from './ledger.ts'
import { placesOf } from './places.ts'
import { type Addition, type Move, releaseIn, spendIn } from './spending.ts'
import { type Guard, insert, isTaken } from './sql.ts'

/** An entry on its way to the bill. */
export interface Booking {
  readonly usage: UsageRow
  /** The key that made its key, on whose counters it counts too. */
  readonly parentId: string | null
  /** What it held until now. */
  readonly hold: HoldRow | null
}

/** Bookings that are written together, once: whoever tries again hands over the very same. */
export interface BookingGroup {
  readonly id: string
  readonly formedAt: number
  readonly bookings: readonly Booking[]
}

const DAY = 86_400_000

type Held = Booking & { readonly hold: HoldRow }

/**
 * Writes calls with what their places have spent by them; what one held until now is given back. A group that is
 * written already is left alone as a whole, since its own row stands there: no row of it has to look for itself. So
 * is a call whose hold was settled by somebody else.
 */
export async function bookGroup(database: Database, group: BookingGroup): Promise<void> {
  const { bookings } = group
  const held = bookings.filter((booking): booking is Held => booking.hold !== null)
  try {
    await database.batch([
      insert('booked_groups', { id: group.id, booked_at: group.formedAt }),
      ...held.map(settle),
      ...enter(bookings.filter(({ hold }) => hold === null).map(({ usage }) => usage)),
      ...held.map(({ usage, hold }) =>
        insert('usage_entries', { ...usage }, settledBy(hold, usage)),
      ),
      ...spendIn(additionsOf(bookings)),
      ...held.flatMap(releases),
    ])
  } catch (cause) {
    if (!isTaken(cause) || !(await isBooked(database, group))) throw cause
  }
}

async function isBooked(database: Database, { id }: BookingGroup): Promise<boolean> {
  const rows = await database.read('SELECT id FROM booked_groups WHERE id = :id', { id })
  return rows.length > 0
}

const settle = ({ hold, usage }: Held): Statement => ({
  sql: 'UPDATE holds SET settled_by = :by WHERE id = :id AND settled_by IS NULL',
  params: { id: hold.id, by: usage.id },
})

const settledBy = ({ id }: HoldRow, usage: UsageRow): Guard => ({
  sql: 'EXISTS (SELECT 1 FROM holds WHERE id = :held AND settled_by = :settled_by)',
  params: { held: id, settled_by: usage.id },
})

const columns = {
  id: 'TEXT',
  request_id: 'TEXT',
  user_id: 'TEXT',
  key_id: 'TEXT',
  model: 'TEXT',
  happened_at: 'BIGINT',
  input_tokens: 'BIGINT',
  output_tokens: 'BIGINT',
  money: 'BIGINT',
  outcome: 'TEXT',
  reason: 'TEXT',
  looked: 'TEXT',
} as const satisfies Record<keyof UsageRow, 'TEXT' | 'BIGINT'>

/** A person who was deleted meanwhile has no bill, and must not keep the others' from being written. */
function enter(entries: readonly UsageRow[]): Bulk[] {
  if (entries.length === 0) return []
  const names = Object.keys(columns) as (keyof UsageRow)[]
  return [
    {
      sql: `INSERT INTO usage_entries (${names.join(', ')}) SELECT ${names.map((name) => `r.${name}`).join(', ')}
        FROM :rows AS r WHERE EXISTS (SELECT 1 FROM users WHERE id = r.user_id)`,
      columns,
      rows: entries.map(valuesOf),
    },
  ]
}

/** In the order of the columns. */
const valuesOf = (row: UsageRow): Value[] => [
  row.id,
  row.request_id,
  row.user_id,
  row.key_id,
  row.model,
  row.happened_at,
  row.input_tokens,
  row.output_tokens,
  row.money,
  row.outcome,
  row.reason,
  row.looked,
]

const nothing: Move = { tokens: 0, money: 0 }

const moveOf = ({ input_tokens, output_tokens, money }: Amounts): Move => ({
  tokens: input_tokens + output_tokens,
  money,
})

type Amounts = Pick<UsageRow, 'input_tokens' | 'output_tokens' | 'money'>

/** What came to nothing counts nowhere; what is still held takes its rows, and moves them by a statement of its own. */
function additionsOf(bookings: readonly Booking[]): Addition[] {
  const sums: { of: Booking; tokens: number; money: number }[] = []
  for (const booking of bookings) {
    const { tokens, money } = booking.hold ? nothing : moveOf(booking.usage)
    if (!booking.hold && tokens === 0) continue
    const last = sums.at(-1)
    // Calls of a person stand side by side, and most of them are in the same counters.
    if (last && countAlike(last.of, booking)) {
      last.tokens += tokens
      last.money += money
    } else sums.push({ of: booking, tokens, money })
  }
  return sums.flatMap(({ of, tokens, money }) =>
    countersOf(of).map((place) => ({ ...place, tokens, money })),
  )
}

const countersOf = ({ usage, parentId }: Booking) =>
  placesOf({ userId: usage.user_id, keyId: usage.key_id, parentId }, usage.happened_at)

function countAlike(one: Booking, other: Booking): boolean {
  const { usage } = one
  const { user_id, key_id, happened_at } = other.usage
  const sameDay = Math.floor(usage.happened_at / DAY) === Math.floor(happened_at / DAY)
  return (
    sameDay &&
    usage.user_id === user_id &&
    usage.key_id === key_id &&
    one.parentId === other.parentId
  )
}

/** Holds on a call's counters become what it spent. */
function releases(booking: Held): Statement[] {
  const { usage, hold } = booking
  const guard = settledBy(hold, usage)
  return countersOf(booking).map((place) => releaseIn(place, moveOf(hold), moveOf(usage), guard))
}
