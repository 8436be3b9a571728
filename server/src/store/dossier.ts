import type { Database, Row } from './database.ts'

/** What is kept about one person, by what it is; a secret, or the hash of one, is in none of it. */
export type Dossier = Readonly<Record<DossierPart, readonly Row[]>>

export interface DossierStore {
  /** All of it as of one moment, of each part at most so many rows: the newest. No account, no dossier. */
  find(userId: string, most: number): Promise<Dossier | null>
}

const account = `SELECT id, address AS email, user_name AS username, full_name, role, created_at, updated_at,
    last_login_at, disabled_at, reset_required_at FROM users WHERE id = :user LIMIT :most`
const mine = 'user_id = :user ORDER BY created_at DESC LIMIT :most'
const address = `SELECT address FROM users WHERE id = :user
  UNION SELECT address FROM held_addresses WHERE user_id = :user`

/** Where another person acted, their place and program are theirs. */
const own = 'actor IS NULL OR actor = :user'

const parts = {
  held_addresses:
    'SELECT address, expires_at FROM held_addresses WHERE user_id = :user ORDER BY address LIMIT :most',
  sessions: `SELECT id, device_id, name, platform, location, source, agent, seen_source, seen_agent, amr, created_at, last_seen_at, expires_at, ended_at,
    end_reason FROM sessions WHERE ${mine}`,
  pairings: `SELECT name, platform, location, source, agent, created_at, expires_at, allowed_at, consumed_at
    FROM pairings WHERE ${mine}`,
  devices: `SELECT id, created_at, last_used_at, ended_at FROM devices WHERE ${mine}`,
  api_keys: `SELECT id, name, prefix, last4, scopes, models, networks, requests_per_minute, requests_per_day,
    tokens_per_day, tokens_per_month, money_per_day, money_per_month, created_at, expires_at, revoked_at,
    last_used_at, last_used_source, last_used_agent, refused_calls, last_refused_at, last_refused_source,
    paused_at, paused_by, parent_id, canary_at, canary_pauses_label, replaced_at, former_prefix, former_last4, former_ends_at, former_heard_at
    FROM api_keys WHERE ${mine}`,
  key_labels: `SELECT key_id, name, value FROM api_key_labels
    WHERE key_id IN (SELECT id FROM api_keys WHERE user_id = :user) ORDER BY key_id, name LIMIT :most`,
  key_callers: `SELECT key_id, source, agent, calls, last_seen_at FROM former_secret_callers
    WHERE key_id IN (SELECT id FROM api_keys WHERE user_id = :user) ORDER BY last_seen_at DESC LIMIT :most`,
  spending: `SELECT key_id, period, starts_at, held_tokens, spent_tokens, held_money, spent_money FROM spending
    WHERE key_id IN (SELECT id FROM api_keys WHERE user_id = :user) ORDER BY starts_at DESC LIMIT :most`,
  usage: `SELECT id, request_id, key_id, model, happened_at, input_tokens, output_tokens, money, outcome, reason
    FROM usage_entries WHERE user_id = :user ORDER BY happened_at DESC LIMIT :most`,
  person_spending: `SELECT period, starts_at, held_tokens, spent_tokens, held_money, spent_money FROM person_spending
    WHERE user_id = :user ORDER BY starts_at DESC LIMIT :most`,
  person_limits: `SELECT tokens_per_day, tokens_per_month, money_per_day, money_per_month, set_at FROM person_limits
    WHERE user_id = :user LIMIT :most`,
  budget_raises: `SELECT key_id, limit_name, amount, created_at, granted_at, expires_at FROM budget_raises WHERE ${mine}`,
  holds: `SELECT request_id, key_id, model, input_tokens, output_tokens, money, created_at, lease_until
    FROM holds WHERE ${mine}`,
  passkeys: `SELECT id, name, transports, created_at, last_used_at FROM passkeys WHERE ${mine}`,
  authenticator_apps: `SELECT created_at, confirmed_at FROM totp_factors WHERE ${mine}`,
  recovery_codes: `SELECT created_at, used_at FROM recovery_codes WHERE ${mine}`,
  challenges: `SELECT purpose, address, source, agent, mails, created_at, consumed_at, ended_at
    FROM challenges WHERE user_id = :user OR (user_id IS NULL AND address IN (${address}))
    ORDER BY created_at DESC LIMIT :most`,
  links: `SELECT purpose, address, created_at, expires_at, consumed_at, ended_at FROM mail_links WHERE ${mine}`,
  invitations: `SELECT address, role, created_at, expires_at, consumed_at, ended_at
    FROM invitations WHERE address IN (${address}) ORDER BY created_at DESC LIMIT :most`,
  mails: `SELECT letter, created_at, sent_at, ended_at, reason FROM outbox
    WHERE user_id = :user OR challenge_id IN (SELECT id FROM challenges
      WHERE user_id = :user OR (user_id IS NULL AND address IN (${address})))
    ORDER BY created_at DESC LIMIT :most`,
  events: `SELECT id, happened_at, event, outcome, reason, user_id, subject_id, actor,
      CASE WHEN ${own} THEN source END AS source, CASE WHEN ${own} THEN agent END AS agent
    FROM audit_events WHERE user_id = :user OR subject_id = :user OR actor = :user
    ORDER BY happened_at DESC LIMIT :most`,
} as const

export type DossierPart = 'account' | keyof typeof parts
export const dossierParts = Object.keys(parts) as (keyof typeof parts)[]

export function createDossierStore(database: Database): DossierStore {
  return {
    async find(userId, most) {
      const queries = [account, ...dossierParts.map((name) => parts[name])]
      const params = { user: userId, most }
      const results = await database.snapshot(queries.map((sql) => ({ sql, params })))
      const [person = [], ...lists] = results
      const told = Object.fromEntries(
        dossierParts.map((name, index) => [name, lists[index] ?? []]),
      ) as Record<(typeof dossierParts)[number], Row[]>
      return person.length > 0 ? { account: person, ...told } : null
    },
  }
}
