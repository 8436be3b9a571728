import type { Purpose } from '../auth/code.ts'
import { LIVE_LOGIN_KEYS, RESEND_PAUSE_MS } from '../limits.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import { type Counter, giveBackTries, taken, takeStatements } from './budgets.ts'
import {
  type Consumption,
  consumeIndex,
  loginStatements,
  registrationStatements,
} from './consumption.ts'
import type { Database, Statement } from './database.ts'
import {
  type Attempt,
  type AttemptedRow,
  attemptStatements,
  challengeColumns,
  isOneOf,
  open,
  spendStatements,
  triedOn,
  unended,
} from './guesses.ts'
import { keepLink, type NewLink } from './links.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import { claimName, type RegistrationRow, replaceRegistration } from './registrations.ts'
import { always, type Guard, insert } from './sql.ts'

export interface ChallengeRow {
  /** The keyed hash of the email_key: who reads the database cannot answer a challenge. */
  readonly id: string
  /** The generation of keys that hashed the id and derives the code. */
  readonly keys_id: string
  readonly purpose: Purpose
  readonly user_id: string | null
  readonly address: string
  readonly device_id: string | null
  readonly source: string
  readonly agent: string
  /** What whoever began it reads, where they said so. */
  readonly language: string | null
  readonly digits: number
  readonly generation: number
  readonly mails: number
  /** Guesses counted before anybody compared; those that turned out wrong. Between the two: under way. */
  readonly attempts: number
  readonly misses: number
  readonly created_at: number
  readonly first_mail_at: number
  readonly last_mail_at: number
  readonly code_expires_at: number
  readonly resend_until: number
  readonly consumed_at: number | null
  readonly ended_at: number | null
}

/** What opening or resending leaves behind, in one transaction. A null letter is a mail that a cap holds back. */
export interface Opening {
  readonly challenge: ChallengeRow
  readonly letter: NewLetter | null
  readonly event: AuditEvent
  readonly tryId: string
  /** The link that the letter carries beside its code. */
  readonly link?: NewLink
}

export interface Resend {
  readonly id: string
  readonly counter: Counter | null
  readonly letter: NewLetter | null
  readonly event: AuditEvent
  readonly tryId: string
  readonly now: number
  readonly codeLifeMs: number
  readonly repeatWithinMs: number
  readonly mostMails: number
}

export interface ChallengeStore {
  find(ids: readonly string[]): Promise<ChallengeRow | null>
  /**
   * Opens a login challenge unless the account's mail budget is spent; ends the oldest live one past two. The try of the
   * right password is given back whether or not.
   */
  openLogin(opening: Opening, mails: Counter, tries: readonly string[]): Promise<boolean>
  /** Opens a registration in the place of any other of its address. False when the user name is spoken for. */
  openRegistration(opening: Opening, registration: RegistrationRow): Promise<boolean>
  /** Opens any other challenge. One that belongs to nobody is kept like the rest: it costs the same. */
  open(opening: Opening): Promise<void>
  /**
   * Counts a guess at a login on its key and on whoever pays for it, where it fits and both have room, before anybody
   * compares. The challenge as it then is, of whatever purpose: of one on which nothing was counted it says why.
   */
  attempt(attempt: Attempt): Promise<AttemptedRow | null>
  /** Counts a guess on the key and on the account, or on neither; committed before anybody compares. */
  spendGuess(id: string, counter: Counter, now: number, tryId: string): Promise<boolean>
  /** Notes that a counted guess was wrong. */
  miss(id: string, event: AuditEvent): Promise<void>
  resend(resend: Resend): Promise<boolean>
  /** True for exactly one caller. */
  consumeLogin(consumption: Consumption): Promise<boolean>
  /** True for exactly one caller, and only while the address and the name are still free. */
  consumeRegistration(consumption: Consumption): Promise<boolean>
}

export function createChallengeStore(database: Database): ChallengeStore {
  const lastOf = async (statements: Statement[], index: number) => {
    const results = await database.batch(statements)
    return (results.at(index)?.length ?? 0) > 0
  }
  return {
    async find(ids) {
      const there = isOneOf(ids)
      const sql = `SELECT ${challengeColumns} FROM challenges WHERE ${there.sql}`
      const [row] = await database.read<ChallengeRow>(sql, there.params)
      return row ?? null
    },

    openLogin(opening, mails, tries) {
      const { challenge, tryId } = opening
      const paid = taken(mails, tryId)
      return lastOf(
        [
          ...takeStatements([mails], challenge.created_at, tryId),
          endOlderLogins(challenge, paid),
          ...keepChallenge(opening, paid),
          ...giveBackTries(tries),
        ],
        0,
      )
    },

    async open(opening) {
      await database.batch(keepChallenge(opening))
    },

    openRegistration(opening, registration) {
      const { challenge } = opening
      const mine: Guard = {
        sql: 'EXISTS (SELECT 1 FROM registrations WHERE challenge_id = :mine)',
        params: { mine: challenge.id },
      }
      const claim = claimName(registration, challenge.created_at)
      return lastOf(
        [
          ...claim,
          replaceRegistration(registration),
          endOlderRegistrations(challenge, mine),
          ...keepChallenge(opening, mine),
        ],
        claim.length,
      )
    },

    async attempt(attempt) {
      const rows = await database.batch<AttemptedRow>(attemptStatements(attempt))
      return rows.at(-1)?.[0] ?? null
    },

    spendGuess: (id, counter, now, tryId) => lastOf(spendStatements(id, counter, now, tryId), 1),

    async miss(id, event) {
      const sql = 'UPDATE challenges SET misses = misses + 1 WHERE id = :id'
      await database.batch([{ sql, params: { id } }, recordEvent(event)])
    },

    resend(resend) {
      return lastOf(resendStatements(resend), resend.counter ? 1 : 0)
    },

    consumeLogin: (consumption) => lastOf(loginStatements(consumption), consumeIndex(consumption)),

    consumeRegistration: (consumption) => lastOf(registrationStatements(consumption), 1),
  }
}

/** The statements that keep a challenge, with its letter, its link and the event that tells of it. */
export function keepChallenge(opening: Opening, guard: Guard = always): Statement[] {
  const { challenge, letter, link, event } = opening
  return [
    insert('challenges', { ...challenge }, guard),
    ...(letter ? [queueLetter(letter, guard)] : []),
    ...(link ? [keepLink(link, guard)] : []),
    recordEvent(event, guard),
  ]
}

/** Of the live login keys of a person, all but the newest ones that may live beside this one end. */
function endOlderLogins(challenge: ChallengeRow, guard: Guard): Statement {
  return {
    sql: `UPDATE challenges SET ended_at = :now
      WHERE user_id = :user AND purpose = 'login' AND ${unended} AND ${guard.sql} AND id NOT IN (
        SELECT id FROM challenges WHERE user_id = :user AND purpose = 'login' AND ${unended}
        ORDER BY created_at DESC, id LIMIT ${LIVE_LOGIN_KEYS - 1})`,
    params: { now: challenge.created_at, user: challenge.user_id, ...guard.params },
  }
}

function endOlderRegistrations(challenge: ChallengeRow, guard: Guard): Statement {
  return {
    sql: `UPDATE challenges SET ended_at = :now WHERE address = :address AND purpose = 'registration'
      AND ended_at IS NULL AND consumed_at IS NULL AND ${guard.sql}`,
    params: { now: challenge.created_at, address: challenge.address, ...guard.params },
  }
}

/** Within the first minutes the same code goes out again, so both mails work; later a new one ends it. */
function resendStatements(resend: Resend): Statement[] {
  const { id, counter, tryId, now } = resend
  const sent = triedOn(id, tryId)
  const paid = counter ? taken(counter, tryId) : null
  const again: Statement = {
    sql: `UPDATE challenges SET mails = mails + 1, last_mail_at = :now, last_try = :try,
        code_expires_at = CAST(:expires AS BIGINT),
        generation = CASE WHEN first_mail_at > :repeat THEN generation ELSE generation + 1 END,
        first_mail_at = CASE WHEN first_mail_at > :repeat THEN first_mail_at ELSE CAST(:now AS BIGINT) END
      WHERE id = :id AND ${open} AND resend_until > :now AND last_mail_at <= :pause
        AND mails < ${resend.mostMails} ${paid ? `AND ${paid.sql}` : ''} RETURNING id`,
    params: {
      id,
      now,
      try: tryId,
      expires: now + resend.codeLifeMs,
      repeat: now - resend.repeatWithinMs,
      pause: now - RESEND_PAUSE_MS,
      ...paid?.params,
    },
  }
  return [
    ...(counter ? takeStatements([counter], now, tryId) : []),
    again,
    ...(resend.letter ? [queueLetter(resend.letter, sent)] : []),
    recordEvent(resend.event, sent),
  ]
}
