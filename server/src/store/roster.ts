import type { EndReason } from '../auth/session-end.ts'
import { type AuditEvent, erasePlaces, recordEvent } from './audit.ts'
import type { Database, Statement, Value } from './database.ts'
import { forgetPanics } from './endings.ts'
import { type Departure, eraseCalls, erasePerson } from './erasure.ts'
import { eraseFacts, tellSessionsEnded } from './events.ts'
import { all, type Guard, inBites } from './sql.ts'
import { isUnheld, type Role, type UserRow, userColumns } from './users.ts'

/** What the operator looks for: an exact address, or the beginning of a user name. */
export interface RosterQuery {
  readonly address: string | null
  readonly namePrefix: string | null
  readonly after: string | null
  readonly most: number
}

/** The accounts as the operator sees and changes them. Each change ends what rested on the old state. */
export interface RosterStore {
  /** Oldest first, those after the one named. */
  list(query: RosterQuery): Promise<UserRow[]>
  /** True for the one that disabled it; never for the last admin. */
  disable(id: string, event: AuditEvent): Promise<boolean>
  enable(id: string, event: AuditEvent): Promise<boolean>
  /** True for the one that deleted it, with all that names the person; never the last admin. */
  delete(id: string, departure: Departure): Promise<boolean>
  appoint(id: string, role: Role, event: AuditEvent): Promise<boolean>
  /** A new password, and a new address where one is given; false when the address is somebody else's. */
  recover(id: string, change: Recovery, event: AuditEvent): Promise<boolean>
}

export interface Recovery {
  readonly passwordHash: string
  readonly address: string | null
}

/** Whoever takes a right away holds this row: of two admins who disable each other, one comes second and is refused. */
const admins: Statement = {
  sql: `INSERT INTO settings (name, value) VALUES ('admins', '1')
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  params: {},
}

const another = `(role <> 'admin' OR disabled_at IS NOT NULL OR EXISTS (SELECT 1 FROM users o
  WHERE o.role = 'admin' AND o.disabled_at IS NULL AND o.id <> users.id))`

export function createRosterStore(database: Database): RosterStore {
  const change = async (statements: readonly Statement[]) => {
    const [, , changed] = await database.batch([admins, ...statements])
    return (changed?.length ?? 0) > 0
  }
  return {
    list: ({ address, namePrefix, after, most }) =>
      database.read<UserRow>(
        `SELECT ${userColumns} FROM users
         WHERE (CAST(:address AS TEXT) IS NULL OR address = :address)
           AND (CAST(:prefix AS TEXT) IS NULL
             OR substr(user_name, 1, length(CAST(:prefix AS TEXT))) = :prefix)
           AND (CAST(:after AS TEXT) IS NULL
             OR created_at > (SELECT created_at FROM users WHERE id = :after)
             OR (created_at = (SELECT created_at FROM users WHERE id = :after) AND id > :after))
         ORDER BY created_at, id LIMIT :most`,
        { address, prefix: namePrefix, after, most },
      ),

    disable(id, event) {
      const set = 'disabled_at = :now, sessions_valid_after = :now'
      const done = mark(id, event, 'disabled_at = :at')
      return change([
        ...turn(id, event, set, `disabled_at IS NULL AND ${another}`),
        ...endEverything(id, 'disabled', event, done),
      ])
    },

    enable(id, event) {
      return change(turn(id, event, 'disabled_at = NULL', 'disabled_at IS NOT NULL'))
    },

    async delete(id, departure) {
      const { provenHash } = departure
      // Of the person's own row alone, which is held: what else may end meanwhile would leave half a deletion.
      const proven =
        provenHash === undefined
          ? ''
          : ' AND password_hash = :proven AND reset_required_at IS NULL AND disabled_at IS NULL'
      const condition = `${another}${proven}`
      const guard = {
        sql: `EXISTS (SELECT 1 FROM users WHERE id = :whom AND ${condition})`,
        params: { whom: id, ...(provenHash === undefined ? {} : { proven: provenHash }) },
      }
      await inBites(database, eraseCalls(id, guard))
      const statements = [admins, ...erasePerson(id, departure, condition, guard)]
      const gone = (await database.batch(statements)).at(-1)?.length === 1
      // Only of somebody who is gone: before, an event without its place is a broken seal.
      if (gone) await erasePlaces(database, id)
      if (gone) await eraseFacts(database, id)
      return gone
    },

    appoint(id, role, event) {
      const set = 'role = :role, sessions_valid_after = :now'
      const done = mark(id, event, 'role = :became', { became: role })
      const allowed = role === 'admin' ? "role <> 'admin'" : `role = 'admin' AND ${another}`
      return change([
        ...turn(id, event, set, allowed, { role }),
        ...endEverything(id, 'role_changed', event, done),
      ])
    },

    recover(id, { passwordHash, address }, event) {
      const set = `password_hash = :hash, sessions_valid_after = :now,
        address = COALESCE(CAST(:address AS TEXT), address)`
      const free = `(CAST(:address AS TEXT) IS NULL
        OR (NOT EXISTS (SELECT 1 FROM users o WHERE o.address = :address AND o.id <> users.id)
          AND ${isUnheld(':address', ':now', 'users.id')}))`
      const done = mark(id, event, 'password_hash = :proof', { proof: passwordHash })
      return change([
        ...turn(id, event, set, free, { hash: passwordHash, address }),
        ...endEverything(id, 'password_reset', event, done),
        ...endWaysBack(id, event, done),
      ])
    },
  }
}

/** What it tells is written first, where the same condition still holds: of two at once in one moment one tells. */
function turn(
  id: string,
  event: AuditEvent,
  set: string,
  condition: string,
  params: Readonly<Record<string, Value>> = {},
): Statement[] {
  const now = event.happenedAt
  const before = {
    sql: `EXISTS (SELECT 1 FROM users WHERE id = :turning AND ${condition})`,
    params: { turning: id, now, ...params },
  }
  return [
    recordEvent(event, before),
    {
      sql: `UPDATE users SET ${set}, updated_at = :now WHERE id = :id AND ${condition} RETURNING id`,
      params: { id, now, ...params },
    },
  ]
}

/** Holds only after the change of this very moment. */
function mark(
  id: string,
  event: AuditEvent,
  condition: string,
  params: Readonly<Record<string, Value>> = {},
): Guard {
  const at = { whom: id, at: event.happenedAt, ...params }
  return {
    sql: `EXISTS (SELECT 1 FROM users WHERE id = :whom AND updated_at = :at AND ${condition})`,
    params: at,
  }
}

/** Mailed codes and sessions of a person; nothing of them comes back (security rule 16). */
function endEverything(id: string, reason: EndReason, event: AuditEvent, done: Guard): Statement[] {
  return [
    endCodes(id, event, done),
    {
      sql: `UPDATE sessions SET ended_at = :now, end_reason = :reason
        WHERE user_id = :user AND ended_at IS NULL AND ${done.sql}`,
      params: { user: id, now: event.happenedAt, reason, ...done.params },
    },
    tellSessionsEnded(
      event.happenedAt,
      all({ sql: 'user_id = :whose', params: { whose: id } }, done),
    ),
    forgetPanics(id, done),
  ]
}

/** Comes first: a verify under way holds its code's row, and the session it makes is seen by the statements after this. */
function endCodes(id: string, event: AuditEvent, done: Guard): Statement {
  return {
    sql: `UPDATE challenges SET ended_at = :now
      WHERE user_id = :user AND ended_at IS NULL AND consumed_at IS NULL AND ${done.sql}`,
    params: { user: id, now: event.happenedAt, ...done.params },
  }
}

/** What the operator decides is not undone by a letter from before. */
function endWaysBack(id: string, event: AuditEvent, done: Guard): Statement[] {
  const mine = { user: id, now: event.happenedAt, ...done.params }
  return [
    {
      sql: `UPDATE mail_links SET ended_at = :now
        WHERE user_id = :user AND ended_at IS NULL AND consumed_at IS NULL AND ${done.sql}`,
      params: mine,
    },
    { sql: `DELETE FROM held_addresses WHERE user_id = :user AND ${done.sql}`, params: mine },
  ]
}
