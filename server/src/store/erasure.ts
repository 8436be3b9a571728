import { type AuditEvent, recordEvent } from './audit.ts'
import type { Statement } from './database.ts'
import { holdUser } from './factor-change.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import { noteRevocations } from './revocations.ts'
import { BITE, type Guard } from './sql.ts'

/** What a deletion carries beside itself. */
export interface Departure {
  /** It outlives the account, and names it by its id alone. */
  readonly event: AuditEvent
  /** The last one to the address. */
  readonly letter: NewLetter
  /** Where the person goes by themselves: the password that was proven. */
  readonly provenHash?: string
}

/** Calls of somebody who is about to go, a bite of them: there may be a million, and each is looked for by the account. */
export function eraseCalls(id: string, guard: Guard): Statement {
  return {
    sql: `DELETE FROM usage_entries WHERE id IN (
      SELECT id FROM usage_entries WHERE user_id = :gone LIMIT ${BITE}) AND ${guard.sql} RETURNING id`,
    params: { gone: id, ...guard.params },
  }
}

/**
 * Takes a person out of every table, while the guard holds. What hangs on the account goes with its row; here goes what
 * only names the person, by address or by id. The last statement deletes the row.
 */
export function erasePerson(
  id: string,
  { event, letter }: Departure,
  condition: string,
  guard: Guard,
): Statement[] {
  const address = `SELECT address FROM users WHERE id = :gone
    UNION SELECT address FROM held_addresses WHERE user_id = :gone`
  const params = { gone: id, ...guard.params }
  const erase = (table: string, theirs: string): Statement => ({
    sql: `DELETE FROM ${table} WHERE (${theirs}) AND ${guard.sql}`,
    params,
  })
  const challenges = `user_id = :gone OR address IN (${address})`
  return [
    holdUser(id),
    // The trail and the letter are written first: what they tell of is gone afterwards.
    recordEvent(event, guard),
    queueLetter(letter, guard),
    erase(
      'outbox',
      `user_id = :gone OR challenge_id IN (SELECT id FROM challenges WHERE ${challenges})`,
    ),
    erase('challenges', challenges),
    ...noteRevocations(id, event.happenedAt, guard),
    erase('name_claims', `address IN (${address})`),
    erase('registrations', `address IN (${address})`),
    erase('invitations', `address IN (${address})`),
    erase('held_addresses', `address IN (SELECT address FROM users WHERE id = :gone)`),
    erase('budgets', 'user_id = :gone'),
    {
      sql: `DELETE FROM users WHERE id = :whom AND ${condition} RETURNING id`,
      params: { whom: id, ...guard.params },
    },
  ]
}
