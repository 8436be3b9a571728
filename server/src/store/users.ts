import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { isTaken } from './sql.ts'

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
  /** What they read, as their last sign-in said. */
  readonly language: string | null
}

/** A new account is a user's; who is more is appointed. */
export type NewUser = Omit<UserRow, 'role' | 'reset_required_at' | 'language'>

/** The names that are to change; null takes one away. */
export interface NewNames {
  readonly full_name?: string | null
  readonly user_name?: string | null
}

export interface UserStore {
  /** False when the address or the name is somebody's. */
  create(user: NewUser, event?: AuditEvent): Promise<boolean>
  find(id: string): Promise<UserRow | null>
  /** Whether there is any account. */
  isAny(): Promise<boolean>
  findByAddress(address: string): Promise<UserRow | null>
  /** Whom the server writes to when something of its own is amiss. */
  listAdmins(): Promise<Pick<UserRow, 'id' | 'address'>[]>
  findByUserName(userName: string): Promise<UserRow | null>
  /** The password hash of the first account at or behind this id; of the first of all when there is none. */
  findHashNear(id: string): Promise<string | null>
  /** Whose address this is, or was a moment ago and may be again. */
  findOwner(address: string, now: number): Promise<UserRow | null>
  /** False when the user name is somebody else's, or held for a registration. */
  rename(id: string, names: NewNames, event: AuditEvent): Promise<boolean>
  /** Puts a better hash in the place of the one that was just proven; of many at once, one wins. */
  rehash(id: string, from: string, to: string): Promise<boolean>
}

const columns = `id, address, user_name, full_name, password_hash, created_at, updated_at,
  last_login_at, disabled_at`
export const userColumns = `${columns}, role, reset_required_at, language`

/** The hash of the first account at or behind this id; of the first of all when there is none. */
export const hashNear = (id: string) => `(SELECT password_hash FROM users WHERE id = COALESCE(
  (SELECT min(id) FROM users WHERE id >= ${id}), (SELECT min(id) FROM users)))`

export function createUserStore(database: Database): UserStore {
  const findBy = async (column: string, value: string) => {
    const sql = `SELECT ${userColumns} FROM users WHERE ${column} = :value`
    const [row] = await database.read<UserRow>(sql, { value })
    return row ?? null
  }
  return {
    find: (id) => findBy('id', id),
    listAdmins: () =>
      database.read<Pick<UserRow, 'id' | 'address'>>(
        "SELECT id, address FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id LIMIT 50",
      ),

    findByAddress: (address) => findBy('address', address),
    findByUserName: (userName) => findBy('user_name', userName),

    async findHashNear(id) {
      const [row] = await database.read<{ password_hash: string | null }>(
        `SELECT ${hashNear(':id')} AS password_hash`,
        { id },
      )
      return row?.password_hash ?? null
    },

    async findOwner(address, now) {
      const [row] = await database.read<UserRow>(
        `SELECT ${userColumns} FROM users WHERE address = :address
           OR id IN (SELECT user_id FROM held_addresses WHERE address = :address AND expires_at > :now)`,
        { address, now },
      )
      return row ?? null
    },

    async create(user, event) {
      const [rows] = await database.batch(keepUser(user, event))
      return (rows?.length ?? 0) > 0
    },

    async rename(id, names, event) {
      try {
        const [renamed] = await database.batch(renameStatements(id, names, event))
        return (renamed?.length ?? 0) > 0
      } catch (cause) {
        if (isTaken(cause)) return false
        throw cause
      }
    },

    async isAny() {
      return (await database.read('SELECT id FROM users LIMIT 1')).length > 0
    },

    async rehash(id, from, to) {
      const rows = await database.write(
        'UPDATE users SET password_hash = :to WHERE id = :id AND password_hash = :from RETURNING id',
        { id, from, to },
      )
      return rows.length > 0
    },
  }
}

/** The statements that make an account and tell of it; the first has a row when its address and name were free. */
export function keepUser(user: NewUser, event?: AuditEvent): Statement[] {
  const made = {
    sql: `INSERT INTO users (${columns}, sessions_valid_after)
      SELECT CAST(:id AS TEXT), CAST(:address AS TEXT), CAST(:user_name AS TEXT),
        CAST(:full_name AS TEXT), CAST(:password_hash AS TEXT), CAST(:created_at AS BIGINT),
        CAST(:updated_at AS BIGINT), CAST(:last_login_at AS BIGINT), CAST(:disabled_at AS BIGINT), 0
      WHERE ${isUnheld(':address', ':updated_at')}
      ON CONFLICT DO NOTHING RETURNING id`,
    params: { ...user },
  }
  const there = {
    sql: 'EXISTS (SELECT 1 FROM users WHERE id = :made)',
    params: { made: user.id },
  }
  return [made, ...(event ? [recordEvent(event, there)] : [])]
}

/** True of an address that nobody holds, or only this person. */
export function isUnheld(address: string, now: string, butBy = "''"): string {
  return `NOT EXISTS (SELECT 1 FROM held_addresses h
    WHERE h.address = ${address} AND h.user_id <> ${butBy} AND h.expires_at > ${now})`
}

/** A name that an account has, or that a registration holds, goes to nobody else. */
function renameStatements(id: string, names: NewNames, event: AuditEvent): Statement[] {
  const now = event.happenedAt
  const set = Object.keys(names).map((column) => `${column} = CAST(:${column} AS TEXT)`)
  const free = `(CAST(:wanted AS TEXT) IS NULL OR (
    NOT EXISTS (SELECT 1 FROM users o WHERE o.user_name = :wanted AND o.id <> users.id)
    AND NOT EXISTS (SELECT 1 FROM name_claims
      WHERE user_name = :wanted AND address <> users.address AND expires_at > :now)))`
  return [
    {
      sql: `UPDATE users SET ${set.join(', ')}, updated_at = :now WHERE id = :id AND ${free} RETURNING id`,
      params: { ...names, id, now, wanted: names.user_name ?? null },
    },
    recordEvent(event, {
      sql: `EXISTS (SELECT 1 FROM users WHERE id = :renamed AND updated_at = :at
        AND (CAST(:wanted AS TEXT) IS NULL OR user_name = :wanted))`,
      params: { renamed: id, at: now, wanted: names.user_name ?? null },
    }),
  ]
}
