import type { Statement } from './database.ts'
import { insert } from './sql.ts'

/** What somebody wants an account to be, kept apart from accounts until its mailbox is proven. */
export interface RegistrationRow {
  readonly address: string
  readonly user_name: string | null
  readonly full_name: string | null
  readonly password_hash: string
  readonly challenge_id: string
  readonly expires_at: number
  /** The invitation that let it in. */
  readonly invitation_id: string | null
}

/** Holds the user name for this address, unless an account or another live registration has it. */
export function claimName(row: RegistrationRow, now: number): Statement[] {
  if (row.user_name === null) return []
  const { user_name, address, expires_at } = row
  return [
    {
      sql: `INSERT INTO name_claims (user_name, address, expires_at)
        SELECT CAST(:user_name AS TEXT), CAST(:address AS TEXT), CAST(:expires_at AS BIGINT)
        WHERE NOT EXISTS (SELECT 1 FROM users WHERE user_name = :user_name)
        ON CONFLICT (user_name) DO UPDATE SET address = excluded.address, expires_at = excluded.expires_at
        WHERE name_claims.address = excluded.address OR name_claims.expires_at <= :now`,
      params: { user_name, address, expires_at, now },
    },
  ]
}

/** Puts this registration in the place of an older one of its address, if it may have its user name. */
export function replaceRegistration(row: RegistrationRow): Statement {
  const { user_name, address } = row
  const claimed = {
    sql: `EXISTS (SELECT 1 FROM name_claims
      WHERE user_name = :claim AND address = :claimant AND expires_at = :claim_end)`,
    params: { claim: user_name, claimant: address, claim_end: row.expires_at },
  }
  return insert(
    'registrations',
    { ...row },
    user_name === null ? undefined : claimed,
    `ON CONFLICT (address) DO UPDATE SET user_name = excluded.user_name, full_name = excluded.full_name,
      password_hash = excluded.password_hash, challenge_id = excluded.challenge_id,
      expires_at = excluded.expires_at, invitation_id = excluded.invitation_id RETURNING challenge_id`,
  )
}

/** The account stands: what led to it goes. */
export function endRegistration(challengeId: string): Statement[] {
  const params = { challenge: challengeId }
  return [
    {
      sql: `DELETE FROM name_claims WHERE address IN
        (SELECT address FROM registrations WHERE challenge_id = :challenge)`,
      params,
    },
    { sql: 'DELETE FROM registrations WHERE challenge_id = :challenge', params },
  ]
}
