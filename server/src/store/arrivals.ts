import type { AuditEvent } from './audit.ts'
import type { Database, Params } from './database.ts'
import { keepUser, type NewUser } from './users.ts'

export interface Arrival {
  readonly user: NewUser
  readonly event: AuditEvent
}

export interface Taken {
  readonly addresses: ReadonlySet<string>
  readonly userNames: ReadonlySet<string>
}

/** People who come from another server, many at a time. */
export interface ArrivalStore {
  /** Which of these addresses and names somebody has. */
  findTaken(addresses: readonly string[], userNames: readonly string[]): Promise<Taken>
  /** Makes accounts, each whole or not at all; the ids of those whose address and name were free. */
  admit(arrivals: readonly Arrival[]): Promise<ReadonlySet<string>>
}

export function createArrivalStore(database: Database): ArrivalStore {
  const find = async (column: 'address' | 'user_name', values: readonly string[]) => {
    if (values.length === 0) return new Set<string>()
    const params: Params = Object.fromEntries(
      values.map((value, index) => [`value_${index}`, value]),
    )
    const names = values.map((_, index) => `:value_${index}`).join(', ')
    const rows = await database.read<{ found: string }>(
      `SELECT ${column} AS found FROM users WHERE ${column} IN (${names})`,
      params,
    )
    return new Set(rows.map(({ found }) => found))
  }
  return {
    findTaken: async (addresses, userNames) => ({
      addresses: await find('address', addresses),
      userNames: await find('user_name', userNames),
    }),

    async admit(arrivals) {
      if (arrivals.length === 0) return new Set()
      const results = await database.batch(
        arrivals.flatMap(({ user, event }) => keepUser(user, event)),
      )
      return new Set(results.flat().map(({ id }) => String(id)))
    },
  }
}
