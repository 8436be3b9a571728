import { type AuditEvent, recordEvent } from './audit.ts'
import { keepChallenge, type Opening } from './challenges.ts'
import type { Database, Statement } from './database.ts'
import { type Ended, endedIn, endPrograms, endSignIns } from './endings.ts'
import type { Guard } from './sql.ts'
import { type Told, tell } from './told.ts'

/** What proves that its holder reads the owner's mailbox: a challenge whose code was right, or a link. */
export interface Proof {
  readonly table: 'challenges' | 'mail_links'
  readonly id: string
  /** Names this use of it; nobody else's transaction carries the same. */
  readonly by: string
}

/** What each of these changes carries beside itself. */
export interface Change extends Told {
  readonly userId: string
  readonly now: number
  readonly event: AuditEvent
}

export interface Reset extends Change {
  readonly proof: Proof
  readonly passwordHash: string
  /** The guess budgets that a reset clears. */
  readonly budgetKeys: readonly string[]
}

export interface PasswordChange extends Change {
  readonly sessionId: string
  readonly from: string
  readonly to: string
}

export interface Disowning extends Change {
  readonly proof: Proof
  readonly reset: Opening
}

/** Null, and nothing happened, unless the proof was alive: each of these happens for exactly one caller. */
export interface RecoveryStore {
  resetPassword(reset: Reset): Promise<Ended | null>
  /** Null when another change was first, or ended the session. */
  changePassword(change: PasswordChange): Promise<Ended | null>
  disown(disowning: Disowning): Promise<Ended | null>
}

export function createRecoveryStore(database: Database): RecoveryStore {
  const run = async (statements: readonly Statement[], deciding: number) => {
    const results = await database.batch(statements)
    return results[deciding]?.length ? endedIn(results.slice(2)) : null
  }
  return {
    resetPassword(reset) {
      const { userId, now, proof, passwordHash } = reset
      const guard = usedBy(proof)
      const ending = { userId, now, reason: 'password_reset', guard } as const
      return run(
        [
          lockUser(reset),
          use(proof, now),
          {
            sql: `UPDATE users SET password_hash = :hash, reset_required_at = NULL, updated_at = :now
              WHERE id = :user AND ${guard.sql}`,
            params: { hash: passwordHash, now, user: userId, ...guard.params },
          },
          ...endSignIns(ending, null),
          ...endPrograms(ending),
          ...reset.budgetKeys.map((key) => ({
            sql: `DELETE FROM budgets WHERE key = :key AND ${guard.sql}`,
            params: { key, ...guard.params },
          })),
          ...tellOf(reset, guard),
        ],
        1,
      )
    },

    changePassword(change) {
      const { userId, now, sessionId, from, to } = change
      const guard: Guard = {
        sql: 'EXISTS (SELECT 1 FROM users WHERE id = :changed AND password_hash = :changed_to)',
        params: { changed: userId, changed_to: to },
      }
      return run(
        [
          lockUser(change),
          {
            sql: `UPDATE users SET password_hash = :to, updated_at = :now
              WHERE id = :user AND password_hash = :from AND disabled_at IS NULL
                AND EXISTS (SELECT 1 FROM sessions WHERE id = :session AND ended_at IS NULL)
              RETURNING id`,
            params: { to, now, user: userId, from, session: sessionId },
          },
          ...endSignIns({ userId, now, reason: 'password_changed', guard }, sessionId),
          ...tellOf(change, guard),
        ],
        1,
      )
    },

    disown(disowning) {
      const { userId, now, proof, reset } = disowning
      const guard = usedBy(proof)
      return run(
        [
          lockUser(disowning),
          use(proof, now),
          {
            sql: `UPDATE users SET reset_required_at = :now, updated_at = :now WHERE id = :user AND ${guard.sql}`,
            params: { now, user: userId, ...guard.params },
          },
          ...endSignIns({ userId, now, reason: 'not_me', guard }, null),
          ...keepChallenge(reset, guard),
          ...tellOf(disowning, guard),
        ],
        1,
      )
    },
  }
}

/** Two changes of one person go one after the other, whatever rows they end. */
export function lockUser({ userId, now }: Change): Statement {
  return {
    sql: 'UPDATE users SET updated_at = :now WHERE id = :user AND disabled_at IS NULL RETURNING id AS locked',
    params: { now, user: userId },
  }
}

export function use({ table, id, by }: Proof, now: number): Statement {
  const alive = table === 'mail_links' ? 'expires_at' : 'code_expires_at'
  return {
    sql: `UPDATE ${table} SET consumed_at = :now, consumed_by = :by
      WHERE id = :id AND consumed_at IS NULL AND ended_at IS NULL AND ${alive} > :now RETURNING id`,
    params: { now, by, id },
  }
}

export function usedBy({ table, id, by }: Proof): Guard {
  return {
    sql: `EXISTS (SELECT 1 FROM ${table} WHERE id = :used AND consumed_by = :used_by)`,
    params: { used: id, used_by: by },
  }
}

export function tellOf(change: Change, guard: Guard): Statement[] {
  return [...tell(change, guard), recordEvent(change.event, guard)]
}
