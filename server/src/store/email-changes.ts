import { type Counter, taken, takeStatements } from './budgets.ts'
import { keepChallenge, type Opening } from './challenges.ts'
import type { Database, Statement } from './database.ts'
import { type Ended, endedIn, endPrograms, endSignIns } from './endings.ts'
import { type Change, lockUser, type Proof, tellOf, use, usedBy } from './recovery.ts'
import { all, type Guard, insert, isTaken } from './sql.ts'
import { isUnheld } from './users.ts'

export interface EmailChange extends Change {
  /** The challenge whose code was mailed to the new address. */
  readonly proof: Proof
  /** The session that goes on. */
  readonly sessionId: string
  readonly from: string
  readonly to: string
  /** Until then neither address is anybody else's. */
  readonly heldUntil: number
}

export interface EmailUndo extends Change {
  /** The link that was mailed to the old address, and when. */
  readonly proof: Proof
  readonly since: number
  readonly address: string
  readonly reset: Opening
}

export interface EmailChangeStore {
  /** Opens a change in the place of an earlier one, unless the account's mail budget is spent. */
  open(opening: Opening, mails: Counter): Promise<boolean>
  /** Null, and nothing changed, unless the proof was alive and the address still nobody's. */
  change(change: EmailChange): Promise<Ended | null>
  /** The same for the way back. */
  undo(undo: EmailUndo): Promise<Ended | null>
}

const free = `NOT EXISTS (SELECT 1 FROM users o WHERE o.address = :to AND o.id <> users.id)
  AND ${isUnheld(':to', ':now', 'users.id')}`

export function createEmailChangeStore(database: Database): EmailChangeStore {
  /** The third statement tells whether it happened. Who comes second at a unique address changed nothing. */
  const run = async (statements: readonly Statement[]) => {
    try {
      const results = await database.batch(statements)
      return results[2]?.length ? endedIn(results.slice(3)) : null
    } catch (cause) {
      if (isTaken(cause)) return null
      throw cause
    }
  }
  return {
    async open(opening, mails) {
      const { challenge, tryId } = opening
      const paid = taken(mails, tryId)
      const [counted] = await database.batch([
        ...takeStatements([mails], challenge.created_at, tryId),
        {
          sql: `UPDATE challenges SET ended_at = :now WHERE user_id = :user AND purpose = 'email_change'
            AND ended_at IS NULL AND consumed_at IS NULL AND ${paid.sql}`,
          params: { now: challenge.created_at, user: challenge.user_id, ...paid.params },
        },
        ...keepChallenge(opening, paid),
      ])
      return (counted?.length ?? 0) > 0
    },

    change(change) {
      const { userId, now, proof, sessionId, from, to } = change
      const guard = all(usedBy(proof), hasAddress(userId, to))
      const used = usedBy(proof)
      return run([
        lockUser(change),
        use(proof, now),
        {
          sql: `UPDATE users SET address = :to, updated_at = :now
            WHERE id = :user AND address = :from AND ${used.sql} AND ${free} RETURNING id`,
          params: { to, now, user: userId, from, ...used.params },
        },
        ...[from, to].map((address) => hold(change, address, guard)),
        ...endSignIns({ userId, now, reason: 'email_changed', guard }, sessionId),
        ...tellOf(change, guard),
      ])
    },

    undo(undo) {
      const { userId, now, proof, since, address, reset } = undo
      const guard = all(usedBy(proof), hasAddress(userId, address))
      const used = usedBy(proof)
      const ending = { userId, now, reason: 'email_change_undone', guard } as const
      return run([
        lockUser(undo),
        use(proof, now),
        {
          sql: `UPDATE users SET address = :to, reset_required_at = :now, updated_at = :now
            WHERE id = :user AND ${used.sql} AND ${free} RETURNING id`,
          params: { to: address, now, user: userId, ...used.params },
        },
        ...endSignIns(ending, null),
        ...endPrograms(ending),
        {
          // The way back of a later change leads to an address that came with the takeover.
          sql: `UPDATE mail_links SET ended_at = :now WHERE user_id = :user AND purpose = 'undo-email'
            AND created_at >= :since AND consumed_at IS NULL AND ended_at IS NULL AND ${guard.sql}`,
          params: { now, user: userId, since, ...guard.params },
        },
        ...keepChallenge(reset, guard),
        ...tellOf(undo, guard),
      ])
    },
  }
}

function hasAddress(userId: string, address: string): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM users WHERE id = :addressed AND address = :addressed_at)',
    params: { addressed: userId, addressed_at: address },
  }
}

/** A hold that is over gives way to the new one. */
function hold({ userId, now, heldUntil }: EmailChange, address: string, guard: Guard): Statement {
  const made = insert(
    'held_addresses',
    { address, user_id: userId, expires_at: heldUntil },
    guard,
    `ON CONFLICT (address) DO UPDATE SET user_id = excluded.user_id, expires_at = excluded.expires_at
     WHERE held_addresses.user_id = excluded.user_id OR held_addresses.expires_at <= :now`,
  )
  return { ...made, params: { ...made.params, now } }
}
