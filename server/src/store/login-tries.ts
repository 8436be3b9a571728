import { type Counter, type Found, taken, takeStatements } from './budgets.ts'
import type { Database, Statement } from './database.ts'
import { type FactorsRow, factorColumns } from './factors.ts'
import { all, always, type Guard, not } from './sql.ts'
import { hashNear, type UserRow, userColumns } from './users.ts'

/** A try whose account is still to be found. */
export interface LoginTry {
  readonly by: 'address' | 'user_name'
  readonly spelling: string
  /** Counted in the place of an account where nobody has that name. */
  readonly stranger: string
  /** Counted where no known device is in hand. */
  readonly counters: readonly LoginCounter[]
  readonly device: LoginDevice | null
  /** The budget of an account's wrong codes, but for its id. */
  readonly guesses: string
  /** Near which id the stand-in of a stranger is. */
  readonly standIn: string
  readonly surge: string
  readonly now: number
  readonly tryId: string
}

/** The key of an account's own ends where the id of the account begins. */
export interface LoginCounter extends Counter {
  readonly isAccounts: boolean
}

/** A device that proved itself. While it is this person's, and was used since then, its own counter counts alone. */
export interface LoginDevice {
  readonly id: string
  readonly usedAfter: number
  readonly tries: Counter
  /** The budget of its wrong codes. */
  readonly guesses: string
}

/** All that a login has to know before a password is hashed. */
export type LoginLook = (UserRow | { readonly id: null }) &
  FactorsRow & {
    /** Whether the try was counted: 0 or 1. */
    readonly counted: number
    readonly known_device: string | null
    readonly stand_in: string | null
    readonly surge_until: string | null
    readonly account_guesses: string | null
    readonly device_guesses: string | null
  }

export interface LoginTryStore {
  /** Counts the try where it has room, and looks. Statements and rows are the same where nobody has the name. */
  attempt(login: LoginTry): Promise<LoginLook>
}

export function createLoginTryStore(database: Database): LoginTryStore {
  return {
    async attempt(login) {
      const rows = await database.batch<LoginLook>([...tryStatements(login), lookStatement(login)])
      const look = rows.at(-1)?.[0]
      if (!look) throw new Error('a look at a login is one row')
      return look
    },
  }
}

function tryStatements(login: LoginTry): Statement[] {
  const { device, now, tryId } = login
  const counters = countersOf(login)
  if (!device) return takeStatements(counters, now, tryId)
  const known = isKnown(login, device)
  return [
    ...takeStatements([deviceCounter(login, device)], now, tryId, known),
    ...takeStatements(counters, now, tryId, not(known)),
  ]
}

function lookStatement(login: LoginTry): Statement {
  const { device, spelling, guesses, standIn, surge } = login
  const counted = wasCounted(login)
  const known = device ? isKnown(login, device) : never
  return {
    sql: `SELECT ${userColumns}, ${factorColumns}, ${hashNear(':stand_in')} AS stand_in,
        CASE WHEN ${counted.sql} THEN 1 ELSE 0 END AS counted,
        CASE WHEN ${known.sql} THEN ${device ? 'CAST(:device AS TEXT)' : 'NULL'} END AS known_device,
        (SELECT value FROM settings WHERE name = :surge) AS surge_until,
        (SELECT log FROM budgets WHERE key = CAST(:guesses AS TEXT) || u.id) AS account_guesses,
        ${device ? '(SELECT log FROM budgets WHERE key = :device_guesses)' : 'NULL'} AS device_guesses
      FROM (SELECT 1 AS one) asked LEFT JOIN users u ON u.${login.by} = :named`,
    params: {
      named: spelling,
      guesses,
      stand_in: standIn,
      surge,
      ...(device ? { device_guesses: device.guesses } : {}),
      ...known.params,
      ...counted.params,
    },
  }
}

function wasCounted(login: LoginTry): Guard {
  const { device, tryId } = login
  const last = countersOf(login).at(-1)
  const byAccount = last ? taken(last, tryId) : always
  if (!device) return byAccount
  const known = isKnown(login, device)
  const byDevice = all(known, taken(deviceCounter(login, device), tryId, 'device'))
  const otherwise = all(not(known), byAccount)
  return {
    sql: `(${byDevice.sql}) OR (${otherwise.sql})`,
    params: { ...byDevice.params, ...otherwise.params },
  }
}

/** The id of whoever has the name, or nothing. */
const personOf = ({ by }: LoginTry) => `(SELECT id FROM users WHERE ${by} = :named)`

function countersOf(login: LoginTry): Counter[] {
  const person = personOf(login)
  const found: Found = {
    behind: `COALESCE(${person}, CAST(:stranger AS TEXT))`,
    owner: person,
    params: { named: login.spelling, stranger: login.stranger },
  }
  return login.counters.map((counter) => (counter.isAccounts ? { ...counter, found } : counter))
}

function deviceCounter(login: LoginTry, { tries }: LoginDevice): Counter {
  const found = { behind: "''", owner: personOf(login), params: { named: login.spelling } }
  return { ...tries, found }
}

function isKnown(login: LoginTry, { id, usedAfter }: LoginDevice): Guard {
  return {
    sql: `EXISTS (SELECT 1 FROM devices WHERE id = :device AND user_id = ${personOf(login)}
      AND ended_at IS NULL AND last_used_at > :used_after)`,
    params: { device: id, used_after: usedAfter, named: login.spelling },
  }
}

const never: Guard = { sql: '1 = 0', params: {} }
