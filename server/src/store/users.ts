import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'

export type Role = 'user' | 'admin'

export interface UserRow {
  readonly id: string
  readonly address: string
  readonly user_name: string | null
  readonly full_name: string | null
  readonly password_hash: string | null
  readonly created_at: number
  readonly updated_at: number
  readonly last_login_at: number | null
  readonly disabled_at: number | null
  readonly role: Role
  /** Since when the password opens nothing: its owner said that somebody else knows it. */
  readonly reset_required_at: number | null
}

/** A new account is a user's; who is more is appointed. */
export type NewUser = Omit<UserRow, 'role' | 'reset_required_at'>

export interface UserStore {
  /** False when the address or the name is somebody's. */
  create(user: NewUser, event?: AuditEvent): Promise<boolean>
  find(id: string): Promise<UserRow | null>
  /** Whether there is any account. */
  isAny(): Promise<boolean>
  findByAddress(address: string): Promise<UserRow | null>
  findByUserName(userName: string): Promise<UserRow | null>
  /** Puts a better hash in the place of the one that was just proven; of many at once, one wins. */
  rehash(id: string, from: string, to: string): Promise<void>
}

const columns = `id, address, user_name, full_name, password_hash, created_at, updated_at,
  last_login_at, disabled_at`
export const userColumns = `${columns}, role, reset_required_at`

export function createUserStore(database: Database): UserStore {
  const findBy = async (column: string, value: string) => {
    const sql = `SELECT ${userColumns} FROM users WHERE ${column} = :value`
    const [row] = await database.read<UserRow>(sql, { value })
    return row ?? null
  }
  return {
    find: (id) => findBy('id', id),
    findByAddress: (address) => findBy('address', address),
    findByUserName: (userName) => findBy('user_name', userName),

    async create(user, event) {
      const made = {
        sql: `INSERT INTO users (${columns}, sessions_valid_after)
         VALUES (:id, :address, :user_name, :full_name, :password_hash, :created_at, :updated_at,
           :last_login_at, :disabled_at, 0)
         ON CONFLICT DO NOTHING RETURNING id`,
        params: { ...user },
      }
      const there = {
        sql: 'EXISTS (SELECT 1 FROM users WHERE id = :made)',
        params: { made: user.id },
      }
      const [rows] = await database.batch([made, ...(event ? [recordEvent(event, there)] : [])])
      return (rows?.length ?? 0) > 0
    },

    async isAny() {
      return (await database.read('SELECT id FROM users LIMIT 1')).length > 0
    },

    async rehash(id, from, to) {
      await database.write(
        'UPDATE users SET password_hash = :to WHERE id = :id AND password_hash = :from',
        { id, from, to },
      )
    },
  }
}
