import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { type Ended, endedIn } from './endings.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import { denyPairings, letIn } from './pairing-ends.ts'
import { type Aim, aimed, keyMade } from './panic-aim.ts'
import { findReach, type Reach } from './panic-reach.ts'
import { type Guard, insert } from './sql.ts'

export interface PanicRow {
  readonly id: string
  readonly confirm_hash: string
  readonly actor: string
  readonly target: string
  readonly created_at: number
  readonly expires_at: number
  readonly confirmed_at: number | null
  readonly undone_at: number | null
}

export type NewPanic = Omit<PanicRow, 'confirmed_at' | 'undone_at'>

export interface Confirmation {
  readonly confirmHash: string
  readonly actor: string
  readonly target: string
  /** Names this use of the plan; nobody else's transaction carries the same. */
  readonly by: string
  readonly now: number
  readonly aim: Aim
  readonly keptSession: string | null
  readonly letters: readonly NewLetter[]
  readonly events: readonly AuditEvent[]
}

export interface PanicStore {
  find(id: string): Promise<PanicRow | null>
  findByConfirm(hashes: readonly string[]): Promise<PanicRow | null>
  /** What is alive of an aim now. */
  findReach(aim: Aim, now: number, keptSession: string | null, most: number): Promise<Reach>
  /** Every source that something alive came from. */
  listSources(now: number): Promise<string[]>
  /** Keeps a plan. */
  plan(panic: NewPanic, event: AuditEvent): Promise<void>
  /** Ends all that the aim means; null unless this call was the one that confirmed a living plan. */
  confirm(confirmation: Confirmation): Promise<Ended | null>
  /** Brings back what the panic ended and nothing else has ended since; null past `until`, and for all but one. */
  undo(id: string, after: number, by: string, event: AuditEvent): Promise<Ended | null>
}

/** Rows that one statement changes: a server with very many is to answer within the time a statement has. */
const BITE = 5000

const columns = 'id, confirm_hash, actor, target, created_at, expires_at, confirmed_at, undone_at'

export function createPanicStore(database: Database): PanicStore {
  /** The first statement decides; then the bites are taken until nothing is left. */
  const run = async (decision: Statement, bites: readonly Statement[], rest: Statement[]) => {
    const [decided, ...first] = await database.batch([decision, ...bites, ...rest])
    if (!decided?.length) return null
    const results = [first]
    while (results.at(-1)?.some((rows) => rows.length === BITE)) {
      results.push(await database.batch(bites))
    }
    return endedIn(results.flat())
  }
  return {
    async find(id) {
      const sql = `SELECT ${columns} FROM panics WHERE id = :id`
      const [row] = await database.read<PanicRow>(sql, { id })
      return row ?? null
    },

    async findByConfirm(hashes) {
      const names = hashes.map((_, index) => `:hash_${index}`).join(', ')
      const params = Object.fromEntries(hashes.map((hash, index) => [`hash_${index}`, hash]))
      const sql = `SELECT ${columns} FROM panics WHERE confirm_hash IN (${names})`
      const [row] = await database.read<PanicRow>(sql, params)
      return row ?? null
    },

    findReach: (aim, now, kept, most) => findReach(database, aimed(aim, now, kept), most),

    async listSources(now) {
      const rows = await database.read<{ source: string | null }>(
        `SELECT source FROM sessions WHERE ended_at IS NULL AND expires_at > :now
         UNION SELECT seen_source FROM sessions WHERE ended_at IS NULL AND expires_at > :now
         UNION SELECT source FROM challenges WHERE consumed_at IS NULL AND ended_at IS NULL
         UNION SELECT source FROM pairings WHERE ${letIn}
         UNION SELECT s.source FROM sessions s JOIN pairings ON allowed_by = s.id WHERE ${letIn}
         UNION SELECT s.seen_source FROM sessions s JOIN pairings ON allowed_by = s.id WHERE ${letIn}
         UNION SELECT e.source FROM audit_events e JOIN api_keys k ON k.id = e.subject_id
           WHERE ${keyMade} AND k.revoked_at IS NULL AND k.paused_at IS NULL`,
        { now },
      )
      return rows.flatMap(({ source }) => source ?? [])
    },

    async plan(panic, event) {
      await database.batch([insert('panics', { ...panic }), recordEvent(event)])
    },

    confirm(confirmation) {
      const { by, letters, events } = confirmation
      const mine: Guard = {
        sql: 'EXISTS (SELECT 1 FROM panics WHERE confirmed_by = :confirmed_by)',
        params: { confirmed_by: by },
      }
      return run(take(confirmation), endAimed(confirmation, mine), [
        ...letters.map((letter) => queueLetter(letter, mine)),
        ...events.map((event) => recordEvent(event, mine)),
      ])
    },

    undo(id, after, by, event) {
      const mine = {
        sql: 'EXISTS (SELECT 1 FROM panics WHERE id = :undone AND undone_by = :undone_by)',
        params: { undone: id, undone_by: by },
      }
      const decision = {
        sql: `UPDATE panics SET undone_at = :now, undone_by = :by
          WHERE id = :id AND confirmed_at > :after AND undone_at IS NULL RETURNING target`,
        params: { id, by, after, now: event.happenedAt },
      }
      return run(decision, giveBack(id, mine), [recordEvent(event, mine)])
    },
  }
}

/** A plan is confirmed once, by whoever asked for it, for what it says, while it lives. */
function take({ confirmHash, actor, target, by, now }: Confirmation): Statement {
  return {
    sql: `UPDATE panics SET confirmed_at = :now, confirmed_by = :by
      WHERE confirm_hash = :hash AND actor = :actor AND target = :target
        AND confirmed_at IS NULL AND expires_at > :now RETURNING target`,
    params: { hash: confirmHash, actor, target, by, now },
  }
}

/** Challenges, links and devices let in first: what a sign-in under way makes of them is seen by the statement after. */
function endAimed(confirmation: Confirmation, mine: Guard): Statement[] {
  const { aim, now, keptSession } = confirmation
  const { sessions, apiKeys, challenges, links, pairings } = aimed(aim, now, keptSession)
  const panic = '(SELECT id FROM panics WHERE confirmed_by = :confirmed_by)'
  const params = (guard: Guard) => ({ now, ...guard.params, ...mine.params })
  return [
    {
      sql: `UPDATE challenges SET ended_at = :now WHERE ${challenges.sql} AND ${mine.sql}`,
      params: params(challenges),
    },
    {
      sql: `UPDATE mail_links SET ended_at = :now WHERE ${links.sql} AND ${mine.sql}`,
      params: params(links),
    },
    denyPairings({ sql: `${pairings.sql} AND ${mine.sql}`, params: params(pairings) }),
    {
      sql: `UPDATE sessions SET ended_at = :now, end_reason = 'panic', panic_id = ${panic}
        WHERE ${bite('sessions', sessions.sql)} AND ${mine.sql} RETURNING id`,
      params: params(sessions),
    },
    {
      sql: `UPDATE api_keys SET paused_at = :now, paused_by = 'panic', panic_id = ${panic}
        WHERE ${bite('api_keys', apiKeys.sql)} AND ${mine.sql} RETURNING hash`,
      params: params(apiKeys),
    },
  ]
}

/**
 * The first of these rows by their ids. Their end is one value: a list of ids is joined, and PostgreSQL, which believes that a
 * panic of a moment ago has one row, would go through all of it for each.
 */
function bite(table: 'sessions' | 'api_keys', rows: string): string {
  return `${rows} AND id <= (SELECT max(id) FROM
    (SELECT id FROM ${table} WHERE ${rows} ORDER BY id LIMIT ${BITE}) AS bite)`
}

/** What this panic ended, as far as nothing else has ended it since. */
function giveBack(id: string, mine: Guard): Statement[] {
  const params = { id, ...mine.params }
  const ended = "panic_id = :id AND end_reason = 'panic'"
  const paused = "panic_id = :id AND paused_by = 'panic' AND revoked_at IS NULL"
  return [
    {
      sql: `UPDATE sessions SET ended_at = NULL, end_reason = NULL, panic_id = NULL
        WHERE ${bite('sessions', ended)} AND ${mine.sql} RETURNING id`,
      params,
    },
    {
      sql: `UPDATE api_keys SET paused_at = NULL, paused_by = NULL, panic_id = NULL
        WHERE ${bite('api_keys', paused)} AND ${mine.sql} RETURNING hash`,
      params,
    },
  ]
}
