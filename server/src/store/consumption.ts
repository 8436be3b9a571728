import { type AuditEvent, recordEvent } from './audit.ts'
import { endStreak, giveBackTries } from './budgets.ts'
import type { ChallengeRow } from './challenges.ts'
import type { Statement } from './database.ts'
import { holdUser } from './factor-change.ts'
import { type FactorUse, spendFactor, spentFactor } from './factors.ts'
import { acceptInvitation } from './invitations.ts'
import { endRegistration } from './registrations.ts'
import { isNewPlace, type NewSession, startSession } from './session-start.ts'
import { all, always, type Guard } from './sql.ts'
import { type Told, tell } from './told.ts'
import { isUnheld } from './users.ts'

/** What a right code leaves behind, in one transaction. */
export interface Consumption {
  readonly challenge: ChallengeRow
  readonly session: NewSession
  readonly event: AuditEvent
  /** What is used up together with the challenge, or neither is; null when the mailed code was the proof. */
  readonly factor: FactorUse | null
  /** What its owner is told when the session begins at a place that is new. */
  readonly ifNew: Told | null
  /** The budget whose tries in a row were those of this person. */
  readonly streak: string
  /** The budget that the right guess was counted on: it is given back whatever comes of it. */
  readonly spent: string
  readonly now: number
}

/** Where the statement stands whose row says whether the login happened. */
export const consumeIndex = ({ factor }: Consumption) => (factor ? 3 : 0)

/** A login: the challenge is used, the session starts. */
export function loginStatements(consumption: Consumption): Statement[] {
  const { session, event, ifNew, now } = consumption
  const mine = consumedBy(consumption)
  return [
    ...factorStatements(consumption),
    consume(consumption),
    {
      sql: `UPDATE users SET last_login_at = :now, language = COALESCE(CAST(:language AS TEXT), language)
        WHERE id = :user AND ${mine.sql}`,
      params: { now, language: session.language ?? null, user: session.userId, ...mine.params },
    },
    ...startSession(session, mine),
    // The person's row is held since the statement above it: of two at once the second sees the first.
    ...(ifNew ? tell(ifNew, all(mine, isNewPlace(session))) : []),
    recordEvent(event, mine),
    endStreak(consumption.streak, mine),
    ...giveBackTries([consumption.spent]),
  ]
}

/** A registration: the account begins too. The second statement's row says whether it happened. */
export function registrationStatements(consumption: Consumption): Statement[] {
  const { challenge, session, event, now } = consumption
  const created: Guard = {
    sql: 'EXISTS (SELECT 1 FROM users WHERE id = :created)',
    params: { created: session.userId },
  }
  // The id is the same for whoever uses this challenge: only who consumed it goes on.
  const mine = all(created, consumedBy(consumption))
  return [
    consume(consumption),
    createRegisteredUser(consumption),
    ...acceptInvitation(challenge.id, session.userId, now),
    ...endRegistration(challenge.id),
    ...startSession(session, mine),
    recordEvent(event, mine),
    endStreak(consumption.streak, mine),
    ...giveBackTries([consumption.spent]),
  ]
}

/**
 * Before the challenge goes the factor, and neither without the other: the challenge is held first, then the
 * person, in the order of every sign-in, so that two of them never wait for each other.
 */
function factorStatements({ challenge, session, factor, now }: Consumption): Statement[] {
  if (!factor) return []
  const there: Guard = {
    sql: `EXISTS (SELECT 1 FROM challenges
      WHERE id = :open AND generation = :open_in AND consumed_at IS NULL AND ended_at IS NULL)`,
    params: { open: challenge.id, open_in: challenge.generation },
  }
  const hold: Statement = {
    sql: 'UPDATE challenges SET last_try = last_try WHERE id = :id',
    params: { id: challenge.id },
  }
  return [hold, holdUser(session.userId), spendFactor(factor, session, now, there)]
}

function consume({ challenge, session, factor, now }: Consumption): Statement {
  const paid = factor ? spentFactor(factor, session) : always
  return {
    sql: `UPDATE challenges SET consumed_at = :now, consumed_by = :session
      WHERE id = :id AND generation = :generation AND consumed_at IS NULL AND ended_at IS NULL
        AND ${paid.sql} RETURNING id`,
    params: {
      now,
      session: session.id,
      id: challenge.id,
      generation: challenge.generation,
      ...paid.params,
    },
  }
}

function createRegisteredUser({ challenge, session, now }: Consumption): Statement {
  const mine = consumedBy({ challenge, session })
  return {
    sql: `INSERT INTO users (id, address, user_name, full_name, password_hash, created_at, updated_at,
        last_login_at, sessions_valid_after, language)
      SELECT CAST(:user AS TEXT), address, user_name, full_name, password_hash, CAST(:now AS BIGINT),
        CAST(:now AS BIGINT), CAST(:now AS BIGINT), 0, CAST(:language AS TEXT)
      FROM registrations r WHERE challenge_id = :challenge AND ${mine.sql}
        AND ${isUnheld('r.address', ':now')}
      ON CONFLICT DO NOTHING RETURNING id`,
    params: {
      user: session.userId,
      now,
      language: session.language ?? null,
      challenge: challenge.id,
      ...mine.params,
    },
  }
}

function consumedBy({ challenge, session }: Pick<Consumption, 'challenge' | 'session'>): Guard {
  return {
    sql: 'EXISTS (SELECT 1 FROM challenges WHERE id = :consumed AND consumed_by = :consumed_by)',
    params: { consumed: challenge.id, consumed_by: session.id },
  }
}
