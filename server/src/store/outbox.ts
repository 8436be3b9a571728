import { type AuditEvent, recordEvent } from './audit.ts'
import { type Counter, taken, takeStatements } from './budgets.ts'
import type { Database, Params, Statement } from './database.ts'
import { always, type Guard, insert } from './sql.ts'

/** A letter to send. Of a code it says only whose it is: the code is derived when the letter goes out. */
export interface NewLetter {
  readonly id: string
  readonly letter: string
  readonly challengeId: string | null
  /** Whose it is, where no challenge tells. */
  readonly userId?: string | null
  /** Recipient and words of any other letter, encrypted; wiped when it was sent or is over. */
  readonly sealed: string | null
  readonly createdAt: number
  /** When it is not worth sending any more. */
  readonly expiresAt: number
}

export interface OutboxRow {
  readonly id: string
  readonly letter: string
  readonly challenge_id: string | null
  readonly user_id: string | null
  readonly sealed: string | null
  readonly created_at: number
  readonly expires_at: number
  /** How often it was tried, this time included. */
  readonly tries: number
}

export interface Delivery {
  readonly state: 'queued' | 'sent' | 'delayed' | 'refused'
  readonly reason: string | null
}

/** A letter as the operator sees it. */
export interface QueuedMail extends Delivery {
  readonly id: string
  readonly letter: string
  readonly tries: number
  readonly created_at: number
  readonly next_at: number
  readonly sent_at: number | null
}

export interface MailQuery {
  readonly after: string | null
  readonly waitingOnly: boolean
  readonly most: number
}

/** The budget that pays for a letter, and the try that is counted on it. */
export interface Postage {
  readonly mails: Counter
  readonly tryId: string
}

export interface OutboxStore {
  /** Newest first. */
  list(query: MailQuery): Promise<QueuedMail[]>
  find(id: string): Promise<QueuedMail | null>
  queue(letter: NewLetter): Promise<void>
  /** Queues a letter and what the trail tells of it, unless the mail budget is spent. */
  queueCounted(letter: NewLetter, event: AuditEvent, postage: Postage): Promise<boolean>
  /** Leases what is due to one worker: nobody else gets it before the lease is over. */
  claim(now: number, worker: string, leaseMs: number, most: number): Promise<OutboxRow[]>
  markSent(id: string, worker: string, now: number): Promise<void>
  markDelayed(id: string, worker: string, nextAt: number, reason: string | null): Promise<void>
  /** Ends a letter unsent: refused for good, or no longer wanted. */
  markEnded(id: string, worker: string, now: number, reason: string): Promise<void>
  /** How the newest letter of a challenge fares. */
  findDelivery(challengeId: string): Promise<Delivery | null>
  /** How many letters wait that are still worth sending: never tried, or delayed. */
  countWaiting(now: number): Promise<{ readonly queued: number; readonly delayed: number }>
  /** When the letter that waits longest was queued. */
  oldestWaiting(now: number): Promise<number | null>
}

/** The statement that queues a letter inside the transaction of what it tells. */
export function queueLetter(letter: NewLetter, guard: Guard = always): Statement {
  return insert(
    'outbox',
    {
      id: letter.id,
      letter: letter.letter,
      challenge_id: letter.challengeId,
      user_id: letter.userId ?? null,
      sealed: letter.sealed,
      created_at: letter.createdAt,
      expires_at: letter.expiresAt,
      next_at: letter.createdAt,
      tries: 0,
    },
    guard,
  )
}

const due = `sent_at IS NULL AND ended_at IS NULL AND next_at <= :now
  AND (locked_until IS NULL OR locked_until <= :now)`
const mine = 'id = :id AND locked_by = :worker AND sent_at IS NULL AND ended_at IS NULL'

export function createOutboxStore(database: Database): OutboxStore {
  const mark = async (change: string, params: Params) => {
    const free = 'locked_until = NULL, locked_by = NULL'
    await database.write(`UPDATE outbox SET ${change}, ${free} WHERE ${mine}`, params)
  }
  return {
    async list({ after, waitingOnly, most }) {
      const rows = await database.read<MailRow>(
        `SELECT ${told} FROM outbox WHERE (CAST(:after AS TEXT) IS NULL OR (created_at, id) <
           (SELECT created_at, id FROM outbox WHERE id = :after))
         ${waitingOnly ? 'AND sent_at IS NULL AND ended_at IS NULL' : ''}
         ORDER BY created_at DESC, id DESC LIMIT :most`,
        { after, most },
      )
      return rows.map(asMail)
    },

    async find(id) {
      const sql = `SELECT ${told} FROM outbox WHERE id = :id`
      const [row] = await database.read<MailRow>(sql, { id })
      return row ? asMail(row) : null
    },

    async queue(letter) {
      const { sql, params } = queueLetter(letter)
      await database.write(sql, params)
    },

    async queueCounted(letter, event, { mails, tryId }) {
      const paid = taken(mails, tryId)
      const [took] = await database.batch([
        ...takeStatements([mails], letter.createdAt, tryId),
        queueLetter(letter, paid),
        recordEvent(event, paid),
      ])
      return (took?.length ?? 0) > 0
    },

    // What is due stands twice: of two workers that race PostgreSQL looks again at the outer one only.
    claim: (now, worker, leaseMs, most) =>
      database.write<OutboxRow>(
        `UPDATE outbox SET locked_until = :until, locked_by = :worker, tries = tries + 1
         WHERE ${due} AND id IN (SELECT id FROM outbox WHERE ${due} ORDER BY next_at LIMIT :most)
         RETURNING id, letter, challenge_id, user_id, sealed, created_at, expires_at, tries`,
        { now, worker, until: now + leaseMs, most },
      ),

    markSent: (id, worker, now) =>
      mark('sent_at = :now, sealed = NULL, reason = NULL', { id, worker, now }),

    markDelayed: (id, worker, nextAt, reason) =>
      mark('next_at = :next, reason = :reason', { id, worker, next: nextAt, reason }),

    markEnded: (id, worker, now, reason) =>
      mark('ended_at = :now, sealed = NULL, reason = :reason', { id, worker, now, reason }),

    async findDelivery(challengeId) {
      const [row] = await database.read<{
        sent_at: number | null
        ended_at: number | null
        reason: string | null
      }>(
        `SELECT sent_at, ended_at, reason FROM outbox WHERE challenge_id = :challenge
         ORDER BY created_at DESC, id LIMIT 1`,
        { challenge: challengeId },
      )
      return row ? { state: stateOf(row), reason: row.sent_at === null ? row.reason : null } : null
    },

    async countWaiting(now) {
      const [row] = await database.read<{ waiting: number; delayed: number }>(
        `SELECT count(*) AS waiting, count(reason) AS delayed FROM outbox
         WHERE sent_at IS NULL AND ended_at IS NULL AND expires_at > :now`,
        { now },
      )
      const { waiting = 0, delayed = 0 } = row ?? {}
      return { queued: waiting - delayed, delayed }
    },

    async oldestWaiting(now) {
      const [row] = await database.read<{ oldest: number | null }>(
        `SELECT min(created_at) AS oldest FROM outbox
         WHERE sent_at IS NULL AND ended_at IS NULL AND expires_at > :now`,
        { now },
      )
      return row?.oldest ?? null
    },
  }
}

type MailRow = Omit<QueuedMail, 'state'> & { readonly ended_at: number | null }
const told = 'id, letter, tries, created_at, next_at, sent_at, ended_at, reason'

function asMail({ ended_at, ...row }: MailRow): QueuedMail {
  return { ...row, state: stateOf({ ...row, ended_at }) }
}

function stateOf(row: { sent_at: number | null; ended_at: number | null; reason: string | null }) {
  if (row.sent_at !== null) return 'sent' as const
  if (row.ended_at !== null) return 'refused' as const
  return row.reason === null ? ('queued' as const) : ('delayed' as const)
}
