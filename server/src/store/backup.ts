import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Row, Statement } from './database.ts'
import { knownTables, knownVersions, rewritesRows } from './migrate.ts'
import { insert } from './sql.ts'

/** A row and the table it stands in. */
export type TableRow = readonly [table: string, row: Row]

/** Everything there is, as of one moment. */
export interface Snapshot {
  /** The versions of the schema, oldest first. */
  readonly schema: readonly string[]
  readonly rows: readonly TableRow[]
}

export type Restored = 'restored' | 'not empty' | 'newer' | 'older'

export interface BackupStore {
  /** Every row of every table, from one moment. */
  snapshot(): Promise<Snapshot>
  /** Puts a snapshot into an empty database: all of it, or nothing. */
  restore(snapshot: Snapshot, event: AuditEvent): Promise<Restored>
  /** What opens something now, and would not after `close`. */
  countOpen(): Promise<OpenDoors>
  /** The same rule for a database that came back by other means, as it was at an earlier moment: all of it, or nothing. */
  close(event: AuditEvent): Promise<void>
}

export interface OpenDoors {
  readonly sessions: number
  readonly apiKeys: number
}

/**
 * What a restore does with each table once its rows are in. A backup does not know what was revoked or used after
 * it was made: so nothing that opens a door by itself comes back open. Null: it comes back as it was.
 */
export const afterRestore: Readonly<Record<string, string | null>> = {
  // Programs have read past places that were given after the backup: none of those is given again.
  settings: `UPDATE settings SET value = CAST(CAST(value AS BIGINT) + 1000000 AS TEXT)
    WHERE name = 'event_position'`,
  users: 'UPDATE users SET sessions_valid_after = :now',
  name_claims: 'DELETE FROM name_claims',
  registrations: 'DELETE FROM registrations',
  challenges:
    'UPDATE challenges SET ended_at = :now WHERE ended_at IS NULL AND consumed_at IS NULL',
  mail_links:
    'UPDATE mail_links SET ended_at = :now WHERE ended_at IS NULL AND consumed_at IS NULL',
  // The links that would have used them have ended.
  held_addresses: 'DELETE FROM held_addresses',
  invitations:
    'UPDATE invitations SET ended_at = :now WHERE ended_at IS NULL AND consumed_at IS NULL',
  pairings: 'DELETE FROM pairings',
  devices: 'UPDATE devices SET ended_at = :now WHERE ended_at IS NULL',
  sessions: `UPDATE sessions SET ended_at = :now, end_reason = 'restored' WHERE ended_at IS NULL`,
  // One that could still be undone would bring sessions back.
  panics: 'DELETE FROM panics',
  api_keys: `UPDATE api_keys SET paused_at = :now, paused_by = 'operator' WHERE revoked_at IS NULL`,
  api_key_labels: null,
  former_secret_callers: null,
  // A step that was used may be tried again for a minute; codes may have been used.
  totp_factors: 'UPDATE totp_factors SET last_step = CAST(:now AS BIGINT) / 30000 + 1',
  recovery_codes: 'UPDATE recovery_codes SET used_at = :now WHERE used_at IS NULL',
  passkeys: null,
  passkey_enrolments: 'DELETE FROM passkey_enrolments',
  // One that was replaced because it was stolen must not come back; no session does, so nobody misses them.
  signing_keys: 'DELETE FROM signing_keys',
  revocations: null,
  // Whoever hears of changes heard of those.
  changes: 'DELETE FROM changes',
  spending: null,
  person_spending: null,
  person_limits: null,
  budget_raises: 'DELETE FROM budget_raises',
  holds: null,
  usage_entries: null,
  booked_groups: null,
  budgets: null,
  audit_events: null,
  events: null,
  mail_stops: null,
  outbox: `UPDATE outbox SET ended_at = :now, sealed = NULL, reason = 'restored'
    WHERE sent_at IS NULL AND ended_at IS NULL`,
}

export function createBackupStore(database: Database): BackupStore {
  return {
    async snapshot() {
      const tables = knownTables()
      const [versions = [], ...copies] = await database.snapshot(
        [
          'SELECT version FROM schema_migrations ORDER BY version',
          ...tables.map((table) => `SELECT * FROM ${table}`),
        ].map((sql) => ({ sql, params: {} })),
      )
      const schema = versions.map(({ version }) => String(version))
      refuseStrange(schema)
      return {
        schema,
        rows: tables.flatMap((table, index) =>
          (copies[index] ?? []).map((row): TableRow => [table, row]),
        ),
      }
    },

    async restore({ schema, rows }, event) {
      const known = knownVersions()
      if (!schema.every((version) => known.includes(version))) return 'newer'
      if (known.some((version) => !schema.includes(version) && rewritesRows(version))) {
        return 'older'
      }
      const tables = knownTables().filter((table) => table !== 'settings')
      if (await holdsRows(database, tables)) return 'not empty'
      await database.batch([
        // Fails, and all the rest with it, when somebody was faster.
        {
          sql: `INSERT INTO settings (name, value) SELECT 'not empty', NULL WHERE ${anyRowOf(tables)}`,
          params: {},
        },
        // A server that was started once has noted its secret; the backup brings the same.
        { sql: 'DELETE FROM settings', params: {} },
        ...rows.map(insertRow),
        ...closeDoors(event),
      ])
      return 'restored'
    },

    async countOpen() {
      const [row] = await database.read<OpenDoors>(
        `SELECT (SELECT count(*) FROM sessions WHERE ended_at IS NULL) AS sessions,
           (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND paused_at IS NULL) AS "apiKeys"`,
      )
      return row ?? { sessions: 0, apiKeys: 0 }
    },

    async close(event) {
      await database.batch(closeDoors(event))
    },
  }
}

/** A newer server may have made tables that this one does not know, and would leave out. */
function refuseStrange(schema: readonly string[]): void {
  const known = knownVersions()
  const strange = schema.findLast((version) => !known.includes(version))
  if (!strange) return
  throw new Error(
    `The database is at schema ${strange}, which this server does not know: make the backup with a newer one`,
  )
}

function insertRow([table, row]: TableRow): Statement {
  const names = [table, ...Object.keys(row)]
  // Names become SQL: those of a file are words, and tables of ours.
  if (!(table in afterRestore && names.every((name) => /^[a-z][a-z0-9_]*$/.test(name)))) {
    throw new Error(`A backup of ours has no row like this one of ${table}`)
  }
  return insert(table, row)
}

function closeDoors(event: AuditEvent): Statement[] {
  const steps = Object.values(afterRestore).filter((sql) => sql !== null)
  const now = { now: event.happenedAt }
  return [
    ...steps.map((sql) => ({ sql, params: sql.includes(':now') ? now : {} })),
    recordEvent(event),
  ]
}

async function holdsRows(database: Database, tables: readonly string[]): Promise<boolean> {
  const [row] = await database.read<{ held: number }>(
    `SELECT CASE WHEN ${anyRowOf(tables)} THEN 1 ELSE 0 END AS held`,
  )
  return row?.held === 1
}

const anyRowOf = (tables: readonly string[]) =>
  tables.map((table) => `EXISTS (SELECT 1 FROM ${table})`).join(' OR ')
