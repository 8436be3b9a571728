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
  readonly user_id: string
  readonly address: string
}

/** A key whose old secret is still in use shortly before its end. */
export interface RetiringKeyRow {
  readonly id: string
  readonly name: string
  readonly former_hash: string
  readonly former_prefix: string
  readonly former_last4: string
  readonly former_ends_at: number
  readonly former_heard_at: number
  readonly user_id: string
  readonly address: string
}

/** Of each letter both happen or, when another process was faster, neither: it is queued, and noted as written. */
export interface KeyReminderStore {
  /** Keys that end within so many days and were not told of so late, the first to end first. */
  listDue(now: number, days: number, most: number): Promise<EndingKeyRow[]>
  remind(
    key: Pick<EndingKeyRow, 'id' | 'expires_at'>,
    days: number,
    letter: NewLetter,
  ): Promise<void>
  /** Old secrets that end within two days, were given longer than that, and were heard within the last one. */
  listRetiring(now: number, most: number): Promise<RetiringKeyRow[]>
  warn(key: Pick<RetiringKeyRow, 'id' | 'former_hash'>, letter: NewLetter): Promise<void>
}

const DAY = 86_400_000
const untold = '(reminded_days IS NULL OR reminded_days > :days)'

export function createKeyReminderStore(database: Database): KeyReminderStore {
  const writeOnce = async (id: string, due: Guard, note: string, letter: NewLetter) => {
    const params = { key: id, ...due.params }
    const where = `id = :key AND revoked_at IS NULL AND ${due.sql}`
    await database.batch([
      // Held first, so that of two processes the second sees that the letter is out.
      { sql: 'UPDATE api_keys SET user_id = user_id WHERE id = :key', params: { key: id } },
      queueLetter(letter, { sql: `EXISTS (SELECT 1 FROM api_keys WHERE ${where})`, params }),
      { sql: `UPDATE api_keys SET ${note} WHERE ${where}`, params },
    ])
  }
  return {
    listDue: (now, days, most) =>
      database.read<EndingKeyRow>(
        `SELECT k.id, k.name, k.prefix, k.last4, k.expires_at, k.last_used_at, k.user_id, u.address
         FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.expires_at > :now AND k.expires_at <= :until AND ${untold}
           AND k.revoked_at IS NULL AND u.disabled_at IS NULL
         ORDER BY k.expires_at, k.id LIMIT :most`,
        { now, until: now + days * DAY, days, most },
      ),

    remind({ id, expires_at }, days, letter) {
      const due = { sql: `expires_at = :ends AND ${untold}`, params: { ends: expires_at, days } }
      return writeOnce(id, due, 'reminded_days = :days', letter)
    },

    listRetiring: (now, most) =>
      database.read<RetiringKeyRow>(
        `SELECT k.id, k.name, k.former_hash, k.former_prefix, k.former_last4, k.former_ends_at,
           k.former_heard_at, k.user_id, u.address
         FROM api_keys k JOIN users u ON u.id = k.user_id
         WHERE k.former_ends_at > :now AND k.former_ends_at <= :until AND k.former_warned_at IS NULL
           AND k.former_heard_at > :lately AND k.former_heard_at > k.replaced_at
           AND k.former_ends_at - k.replaced_at > ${2 * DAY}
           AND (k.former_silence_ms IS NULL OR k.former_heard_at + k.former_silence_ms > :now)
           AND (k.expires_at IS NULL OR k.expires_at > :now)
           AND k.revoked_at IS NULL AND u.disabled_at IS NULL
         ORDER BY k.former_ends_at, k.id LIMIT :most`,
        { now, until: now + 2 * DAY, lately: now - DAY, most },
      ),

    warn({ id, former_hash }, letter) {
      const params = { secret: former_hash, warned: letter.createdAt }
      const due = { sql: 'former_hash = :secret AND former_warned_at IS NULL', params }
      return writeOnce(id, due, 'former_warned_at = :warned', letter)
    },
  }
}
