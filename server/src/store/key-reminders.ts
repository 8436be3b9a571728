import type { Database } from './database.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import type { Guard } from './sql.ts'

/** A key whose end is near, and who is to know of it. */
export interface EndingKeyRow {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly last4: string
  readonly expires_at: number
  readonly last_used_at: number | null
  readonly address: string
}

export interface KeyReminderStore {
  /** Keys that end within so many days and were not told of so late, the first to end first. */
  listDue(now: number, days: number, most: number): Promise<EndingKeyRow[]>
  /** Queues the letter and notes that it went out; both or, when somebody was faster, neither. */
  remind(
    key: Pick<EndingKeyRow, 'id' | 'expires_at'>,
    days: number,
    letter: NewLetter,
  ): Promise<void>
}

const DAY = 86_400_000
const untold = '(reminded_days IS NULL OR reminded_days > :days)'

export function createKeyReminderStore(database: Database): KeyReminderStore {
  return {
    listDue: (now, days, most) =>
      database.read<EndingKeyRow>(
        `SELECT k.id, k.name, k.prefix, k.last4, k.expires_at, k.last_used_at, u.address
         FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.expires_at > :now AND k.expires_at <= :until AND ${untold}
           AND k.revoked_at IS NULL AND u.disabled_at IS NULL
         ORDER BY k.expires_at, k.id LIMIT :most`,
        { now, until: now + days * DAY, days, most },
      ),

    async remind({ id, expires_at }, days, letter) {
      const about = { key: id, ends: expires_at, days }
      const due = `id = :key AND revoked_at IS NULL AND expires_at = :ends AND ${untold}`
      const still: Guard = { sql: `EXISTS (SELECT 1 FROM api_keys WHERE ${due})`, params: about }
      await database.batch([
        // Held first, so that of two processes the second sees that the letter is out.
        { sql: 'UPDATE api_keys SET user_id = user_id WHERE id = :key', params: { key: id } },
        queueLetter(letter, still),
        { sql: `UPDATE api_keys SET reminded_days = :days WHERE ${due}`, params: about },
      ])
    },
  }
}
