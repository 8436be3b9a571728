import { PASSKEYS } from '../limits.ts'
import type { Database, Statement } from './database.ts'
import { type FactorChange, holdUser, tellChange } from './factor-change.ts'
import { all, always, type Guard, insert } from './sql.ts'

export interface PasskeyRow {
  readonly id: string
  readonly user_id: string
  /** The authenticator's own name for it, base64url. */
  readonly credential_id: string
  /** COSE, base64url. Nothing secret. */
  readonly public_key: string
  /** How often the authenticator says it was used; 0 for ever where it does not count. */
  readonly counter: number
  /** Separated by spaces. */
  readonly transports: string
  readonly name: string
  readonly created_at: number
  readonly last_used_at: number | null
}

export type NewPasskey = Omit<PasskeyRow, 'last_used_at'>

export interface PasskeyStore {
  /** Remembers the challenge that the next new passkey has to sign; any earlier one is over. */
  openEnrolment(userId: string, challengeHash: string, expiresAt: number): Promise<void>
  /** Uses up the challenge and keeps the passkey. False when the challenge is over, or the passkey known. */
  create(
    passkey: NewPasskey,
    challengeHashes: readonly string[],
    change: FactorChange,
  ): Promise<boolean>
  /** Oldest first. */
  list(userId: string): Promise<PasskeyRow[]>
  findByCredential(userId: string, credentialId: string): Promise<PasskeyRow | null>
  /** True for the one that removed it. */
  remove(id: string, userId: string, change: FactorChange): Promise<boolean>
}

const columns = `id, user_id, credential_id, public_key, counter, transports, name, created_at,
  last_used_at`

export function createPasskeyStore(database: Database): PasskeyStore {
  const happens = async (statements: readonly Statement[], index: number) => {
    const results = await database.batch(statements)
    return (results[index]?.length ?? 0) > 0
  }
  return {
    async openEnrolment(userId, challengeHash, expiresAt) {
      const { sql, params } = insert(
        'passkey_enrolments',
        { user_id: userId, challenge_hash: challengeHash, expires_at: expiresAt },
        always,
        `ON CONFLICT (user_id) DO UPDATE SET challenge_hash = excluded.challenge_hash,
           expires_at = excluded.expires_at, consumed_by = NULL`,
      )
      await database.write(sql, params)
    },

    create(passkey, challengeHashes, change) {
      const spend = spendEnrolment(passkey, challengeHashes, change.event.happenedAt)
      const told = tellChange(change, isThere(passkey.id, passkey.user_id))
      const create = insert(
        'passkeys',
        { ...passkey },
        all(consumedBy(passkey), roomFor(passkey.user_id)),
        'ON CONFLICT DO NOTHING RETURNING id',
      )
      return happens([holdUser(passkey.user_id), spend, create, ...told], 2)
    },

    list: (userId) =>
      database.read<PasskeyRow>(
        `SELECT ${columns} FROM passkeys WHERE user_id = :user ORDER BY created_at, id`,
        { user: userId },
      ),

    async findByCredential(userId, credentialId) {
      const [row] = await database.read<PasskeyRow>(
        `SELECT ${columns} FROM passkeys WHERE user_id = :user AND credential_id = :credential`,
        { user: userId, credential: credentialId },
      )
      return row ?? null
    },

    remove(id, userId, change) {
      const told = tellChange(change, isThere(id, userId))
      const remove: Statement = {
        sql: 'DELETE FROM passkeys WHERE id = :id AND user_id = :user RETURNING id',
        params: { id, user: userId },
      }
      return happens([holdUser(userId), ...told, remove], 1 + told.length)
    },
  }
}

/** Counts a use for a session. No row when the counter did not go on: then there are two of this passkey. */
export function usePasskey(
  passkey: { readonly id: string; readonly counter: number },
  session: { readonly id: string; readonly userId: string },
  now: number,
  guard: Guard,
): Statement {
  return {
    sql: `UPDATE passkeys SET counter = CAST(:counter AS BIGINT), last_used_at = :now, last_used_by = :session
      WHERE id = :passkey AND user_id = :user AND (counter < CAST(:counter AS BIGINT)
        OR (counter = 0 AND CAST(:counter AS BIGINT) = 0)) AND ${guard.sql} RETURNING id`,
    params: {
      counter: passkey.counter,
      passkey: passkey.id,
      session: session.id,
      user: session.userId,
      now,
      ...guard.params,
    },
  }
}

function spendEnrolment(passkey: NewPasskey, hashes: readonly string[], now: number): Statement {
  const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
  return {
    sql: `UPDATE passkey_enrolments SET consumed_by = :passkey WHERE user_id = :user
      AND challenge_hash IN (${names}) AND consumed_by IS NULL AND expires_at > :now RETURNING user_id`,
    params: {
      passkey: passkey.id,
      user: passkey.user_id,
      now,
      ...Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash])),
    },
  }
}

function consumedBy({ id, user_id }: NewPasskey): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM passkey_enrolments WHERE user_id = :of_user AND consumed_by = :of_passkey)',
    params: { of_user: user_id, of_passkey: id },
  }
}

function roomFor(userId: string): Guard {
  return {
    sql: `(SELECT count(*) FROM passkeys WHERE user_id = :room_of) < ${PASSKEYS}`,
    params: { room_of: userId },
  }
}

function isThere(id: string, userId: string): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM passkeys WHERE id = :there AND user_id = :there_of)',
    params: { there: id, there_of: userId },
  }
}
