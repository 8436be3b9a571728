import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import { type Guard, insert } from './sql.ts'
import type { Role } from './users.ts'

export interface InvitationRow {
  /** The keyed hash of what the letter says: who reads the database cannot use it. */
  readonly id: string
  readonly address: string
  readonly role: Role
  readonly created_at: number
  readonly expires_at: number
}

export interface InvitationStore {
  /** Puts it in the place of an older one of its address. False when the address has an account. */
  create(invitation: InvitationRow, letter: NewLetter, event: AuditEvent): Promise<boolean>
  /**
   * That of the first admin, without a letter, in the place of every other that would make one; nothing once there is
   * an account.
   */
  createFirst(invitation: InvitationRow): Promise<void>
  /** The one of these that is live and for this address. */
  findLive(ids: readonly string[], address: string, now: number): Promise<InvitationRow | null>
}

/** Where the last invitation of a first admin is noted, and where the last of all. */
const FIRST = 'first-admin'
const LAST = 'last-invitation'

const live = 'consumed_at IS NULL AND ended_at IS NULL AND expires_at > :now'

export function createInvitationStore(database: Database): InvitationStore {
  return {
    async create(invitation, letter, event) {
      const { address, created_at: now } = invitation
      const unknown: Guard = {
        sql: 'NOT EXISTS (SELECT 1 FROM users WHERE address = :invited)',
        params: { invited: address },
      }
      const [, , made] = await database.batch([
        note(LAST, invitation.id),
        {
          sql: 'UPDATE invitations SET ended_at = :now WHERE address = :address AND ended_at IS NULL AND consumed_at IS NULL',
          params: { now, address },
        },
        insert('invitations', { ...invitation }, unknown, 'RETURNING id'),
        queueLetter(letter, unknown),
        recordEvent(event, unknown),
      ])
      return (made?.length ?? 0) > 0
    },

    async createFirst(invitation) {
      const nobody: Guard = { sql: 'NOT EXISTS (SELECT 1 FROM users)', params: {} }
      const { id, created_at: now } = invitation
      await database.batch([
        note(FIRST, id),
        {
          sql: `UPDATE invitations SET ended_at = :now
            WHERE role = 'admin' AND ended_at IS NULL AND consumed_at IS NULL AND ${nobody.sql}`,
          params: { now },
        },
        insert('invitations', { ...invitation }, nobody),
      ])
    },

    async findLive(ids, address, now) {
      const names = ids.map((_, index) => `:id_${index}`).join(', ')
      const params = Object.fromEntries(ids.map((id, index) => [`id_${index}`, id]))
      const [row] = await database.read<InvitationRow>(
        `SELECT id, address, role, created_at, expires_at FROM invitations
         WHERE id IN (${names}) AND address = :address AND ${live}`,
        { ...params, address, now },
      )
      return row ?? null
    },
  }
}

/** Written first: of two at once the second waits here, and ends what the first one made. */
function note(name: string, id: string): Statement {
  return {
    sql: `INSERT INTO settings (name, value) VALUES (:name, :id)
      ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    params: { name, id },
  }
}

/**
 * The account of a registration stands: its invitation is used, and gives the role it carries. One that was to make the
 * first admin makes no second one.
 */
export function acceptInvitation(challengeId: string, userId: string, now: number): Statement[] {
  const params = { challenge: challengeId, user: userId, now }
  const mine = `SELECT r.invitation_id FROM registrations r JOIN users u ON u.address = r.address
    WHERE r.challenge_id = :challenge AND u.id = :user`
  return [
    {
      sql: `UPDATE users SET role = 'admin' WHERE id = :user AND EXISTS (SELECT 1 FROM invitations
        WHERE role = 'admin' AND id IN (${mine}) AND ${live}
          AND NOT (EXISTS (SELECT 1 FROM settings WHERE name = '${FIRST}' AND value = invitations.id)
            AND EXISTS (SELECT 1 FROM users o WHERE o.role = 'admin')))`,
      params,
    },
    {
      sql: `UPDATE invitations SET consumed_at = :now WHERE id IN (${mine}) AND ${live}`,
      params,
    },
  ]
}
