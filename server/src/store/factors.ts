import type { Database, Params, Statement } from './database.ts'
import { type FactorChange, holdUser, tellChange } from './factor-change.ts'
import { usePasskey } from './passkeys.ts'
import { always, type Guard, insert } from './sql.ts'

/** The ways of a person to pass the second step, beside a mailed code. */
export interface FactorsRow {
  readonly totp_at: number | null
  readonly passkeys: number
  /** Those that were not used yet. */
  readonly recovery_codes: number
}

export interface TotpRow {
  readonly user_id: string
  /** The secret, encrypted together with its owner's id. */
  readonly sealed: string
  /** The newest step of time whose code was used. */
  readonly last_step: number
  readonly confirmed_at: number | null
}

/** What a sign-in uses up: a step of time and all before it, one recovery code, one count of a passkey. */
export type FactorUse =
  | { readonly kind: 'totp'; readonly step: number }
  | { readonly kind: 'recovery_code'; readonly hashes: readonly string[] }
  | { readonly kind: 'passkey'; readonly id: string; readonly counter: number }

export interface FactorStore {
  find(userId: string): Promise<FactorsRow | null>
  findTotp(userId: string): Promise<TotpRow | null>
  /** Whether the person has this code and did not use it yet. */
  hasRecoveryCode(userId: string, hashes: readonly string[]): Promise<boolean>
  /** Keeps a secret that waits to be confirmed. False when a confirmed one is there. */
  beginTotp(userId: string, sealed: string, now: number): Promise<boolean>
  /** True for the one that confirmed this very secret. */
  confirmTotp(row: TotpRow, step: number, change: FactorChange): Promise<boolean>
  /** True for the one that removed it. */
  removeTotp(userId: string, change: FactorChange): Promise<boolean>
  /** Puts new codes in the place of all that were there. */
  replaceRecoveryCodes(
    userId: string,
    hashes: readonly string[],
    change: FactorChange,
  ): Promise<void>
}

/** What is told of the ways of the user `u`. */
export const factorColumns = `(SELECT confirmed_at FROM totp_factors WHERE user_id = u.id) AS totp_at,
  (SELECT count(*) FROM passkeys WHERE user_id = u.id) AS passkeys,
  (SELECT count(*) FROM recovery_codes WHERE user_id = u.id AND used_at IS NULL) AS recovery_codes`

export function createFactorStore(database: Database): FactorStore {
  const happens = async (statements: readonly Statement[], index: number) => {
    const results = await database.batch(statements)
    return (results[index]?.length ?? 0) > 0
  }
  return {
    async find(userId) {
      const [row] = await database.read<FactorsRow>(
        `SELECT ${factorColumns} FROM users u WHERE u.id = :user`,
        { user: userId },
      )
      return row ?? null
    },

    async findTotp(userId) {
      const [row] = await database.read<TotpRow>(
        'SELECT user_id, sealed, last_step, confirmed_at FROM totp_factors WHERE user_id = :user',
        { user: userId },
      )
      return row ?? null
    },

    async hasRecoveryCode(userId, hashes) {
      const { sql, params } = hashList(hashes)
      const rows = await database.read(
        `SELECT hash FROM recovery_codes WHERE hash IN (${sql}) AND user_id = :user AND used_at IS NULL`,
        { ...params, user: userId },
      )
      return rows.length > 0
    },

    async beginTotp(userId, sealed, now) {
      const { sql, params } = insert(
        'totp_factors',
        { user_id: userId, sealed, last_step: 0, created_at: now },
        always,
        `ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
         WHERE totp_factors.confirmed_at IS NULL RETURNING user_id`,
      )
      return (await database.write(sql, params)).length > 0
    },

    confirmTotp: ({ user_id, sealed }, step, change) => {
      const now = change.event.happenedAt
      const waiting: Guard = {
        sql: `EXISTS (SELECT 1 FROM totp_factors
          WHERE user_id = :of_user AND sealed = :of_secret AND confirmed_at IS NULL)`,
        params: { of_user: user_id, of_secret: sealed },
      }
      const told = tellChange(change, waiting)
      const confirm: Statement = {
        sql: `UPDATE totp_factors SET confirmed_at = :now, last_step = :step
          WHERE user_id = :user AND sealed = :sealed AND confirmed_at IS NULL RETURNING user_id`,
        params: { now, step, user: user_id, sealed },
      }
      return happens([holdUser(user_id), ...told, confirm], 1 + told.length)
    },

    removeTotp: (userId, change) => {
      const there: Guard = {
        sql: `EXISTS (SELECT 1 FROM totp_factors
          WHERE user_id = :of_user AND confirmed_at IS NOT NULL)`,
        params: { of_user: userId },
      }
      const told = tellChange(change, there)
      const remove: Statement = {
        sql: `DELETE FROM totp_factors
          WHERE user_id = :user AND confirmed_at IS NOT NULL RETURNING user_id`,
        params: { user: userId },
      }
      return happens([holdUser(userId), ...told, remove], 1 + told.length)
    },

    async replaceRecoveryCodes(userId, hashes, change) {
      const now = change.event.happenedAt
      await database.batch([
        holdUser(userId),
        { sql: 'DELETE FROM recovery_codes WHERE user_id = :user', params: { user: userId } },
        ...hashes.map((hash) =>
          insert('recovery_codes', { hash, user_id: userId, created_at: now }),
        ),
        ...tellChange(change, always),
      ])
    },
  }
}

/** Uses a factor up for a session. Its row comes back for exactly one caller a step, or a code. */
export function spendFactor(
  factor: FactorUse,
  { id, userId }: { readonly id: string; readonly userId: string },
  now: number,
  guard: Guard,
): Statement {
  if (factor.kind === 'totp') {
    return {
      sql: `UPDATE totp_factors SET last_step = :step, last_used_by = :session
        WHERE user_id = :user AND confirmed_at IS NOT NULL AND last_step < :step AND ${guard.sql}
        RETURNING user_id`,
      params: { step: factor.step, session: id, user: userId, ...guard.params },
    }
  }
  if (factor.kind === 'passkey') return usePasskey(factor, { id, userId }, now, guard)
  const { sql, params } = hashList(factor.hashes)
  return {
    sql: `UPDATE recovery_codes SET used_at = :now, used_by = :session
      WHERE hash IN (${sql}) AND user_id = :user AND used_at IS NULL AND ${guard.sql} RETURNING hash`,
    params: { ...params, now, session: id, user: userId, ...guard.params },
  }
}

const usedBy = {
  totp: ['totp_factors', 'last_used_by'],
  recovery_code: ['recovery_codes', 'used_by'],
  passkey: ['passkeys', 'last_used_by'],
} as const satisfies Record<FactorUse['kind'], readonly [table: string, column: string]>

/** Holds in the transaction in which this session used the factor up. */
export function spentFactor(
  { kind }: FactorUse,
  { id, userId }: { readonly id: string; readonly userId: string },
): Guard {
  const [table, column] = usedBy[kind]
  return {
    sql: `EXISTS (SELECT 1 FROM ${table} WHERE user_id = :spent_of AND ${column} = :spent_by)`,
    params: { spent_of: userId, spent_by: id },
  }
}

function hashList(hashes: readonly string[]): { sql: string; params: Params } {
  return {
    sql: hashes.map((_, index) => `:hash_${index}`).join(', '),
    params: Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash])),
  }
}
