import { GUESSES_PER_KEY } from '../limits.ts'
import { type Counter, type Found, taken, takeStatements } from './budgets.ts'
import type { ChallengeRow } from './challenges.ts'
import type { Statement } from './database.ts'
import { all, type Guard, not } from './sql.ts'

/** A guess at a login, whose challenge and payer are still to be found. */
export interface Attempt {
  /** What may be kept of the key: one hash for each generation of keys. */
  readonly ids: readonly string[]
  /** How long a mailed code was guessed; null for other proofs. */
  readonly digits: number | null
  /** Who pays: the account, or its device where it is known. Their keys end where the id begins. */
  readonly account: Counter
  readonly device: Counter
  readonly now: number
  readonly tryId: string
}

export type AttemptedRow = ChallengeRow & {
  /** Whether the guess was counted: 0 or 1. */
  readonly counted: number
  /** Of the person whose challenge it is; null where it has none yet. */
  readonly owner_address: string | null
  readonly owner_login_at: number | null
}

export const challengeColumns = `id, keys_id, purpose, user_id, address, device_id, source, agent, language, digits,
  generation, mails, attempts, misses, created_at, first_mail_at, last_mail_at, code_expires_at, resend_until,
  consumed_at, ended_at`

export const open = `consumed_at IS NULL AND ended_at IS NULL AND attempts < ${GUESSES_PER_KEY}`
export const unended = `${open} AND (resend_until > :now OR code_expires_at > :now)`

/** The last one answers the challenge, with what is known of its owner. */
export function attemptStatements(attempt: Attempt): Statement[] {
  const { now, tryId } = attempt
  const there = isOneOf(attempt.ids)
  const [account, device] = payersOf(attempt, there)
  const tried = (payer: string) => ({
    sql: `EXISTS (SELECT 1 FROM challenges WHERE ${there.sql} AND last_try = :tried_by AND ${payer})`,
    params: { ...there.params, tried_by: tryId },
  })
  const [byAccount, byDevice] = [taken(account, tryId), taken(device, tryId, 'device')]
  const paid = {
    sql: `(${byAccount.sql} OR ${byDevice.sql})`,
    params: { ...byAccount.params, ...byDevice.params },
  }
  return [
    guess(attempt, there),
    ...takeStatements([account], now, tryId, tried('device_id IS NULL')),
    ...takeStatements([device], now, tryId, tried('device_id IS NOT NULL')),
    giveBackGuess(there, tryId, paid),
    {
      sql: `SELECT ${challengeColumns}, CASE WHEN ${paid.sql} THEN 1 ELSE 0 END AS counted,
          (SELECT address FROM users WHERE id = challenges.user_id) AS owner_address,
          (SELECT last_login_at FROM users WHERE id = challenges.user_id) AS owner_login_at
        FROM challenges WHERE ${there.sql}`,
      params: { ...there.params, ...paid.params },
    },
  ]
}

/** Counts a guess on one challenge and one counter; the second has a row where it was. */
export function spendStatements(
  id: string,
  counter: Counter,
  now: number,
  tryId: string,
): Statement[] {
  const there = { sql: 'id = :id', params: { id } }
  return [
    {
      sql: `UPDATE challenges SET attempts = attempts + 1, last_try = :try
        WHERE id = :id AND ${unended} RETURNING id`,
      params: { id, now, try: tryId },
    },
    ...takeStatements([counter], now, tryId, triedOn(id, tryId)),
    giveBackGuess(there, tryId, taken(counter, tryId)),
  ]
}

/** Holds in the transaction of the try that was made on this challenge. */
export function triedOn(id: string, tryId: string): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM challenges WHERE id = :tried AND last_try = :tried_by)',
    params: { tried: id, tried_by: tryId },
  }
}

export function isOneOf(ids: readonly string[]): Guard {
  return {
    sql: `id IN (${ids.map((_, index) => `:id_${index}`).join(', ')})`,
    params: Object.fromEntries(ids.map((id, index) => [`id_${index}`, id])),
  }
}

/** A guess that the challenge cannot take is a slip of the hand, and spends none. */
function guess({ digits, now, tryId }: Attempt, there: Guard): Statement {
  const fits = digits === null ? '' : 'AND digits = :digits'
  return {
    sql: `UPDATE challenges SET attempts = attempts + 1, last_try = :try
      WHERE ${there.sql} AND purpose = 'login' AND user_id IS NOT NULL ${fits} AND ${unended}`,
    params: { ...there.params, now, try: tryId, ...(digits === null ? {} : { digits }) },
  }
}

function giveBackGuess(there: Guard, tryId: string, paid: Guard): Statement {
  const unpaid = all(there, not(paid))
  return {
    sql: `UPDATE challenges SET attempts = attempts - 1 WHERE last_try = :try AND ${unpaid.sql}`,
    params: { try: tryId, ...unpaid.params },
  }
}

function payersOf({ account, device }: Attempt, there: Guard): [account: Counter, device: Counter] {
  const column = (name: string) => `(SELECT ${name} FROM challenges WHERE ${there.sql})`
  const found = (name: string): Found => ({
    behind: column(name),
    owner: column('user_id'),
    params: there.params,
  })
  return [
    { ...account, found: found('user_id') },
    { ...device, found: found('device_id') },
  ]
}
