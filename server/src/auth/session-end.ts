import type { Config } from '../config.ts'
import type { LiveSessionRow } from '../store/sessions.ts'

const DAY = 86_400_000

/**
 * Why a session ends: the reason that its client is told, and the sentence for its person. docs/sessions.md is
 * compared with it both ways.
 */
export const endings = {
  signed_out: 'You signed out on this device.',
  signed_out_elsewhere: 'You ended it from another session of yours.',
  expired: 'Thirty days after the sign-in a session is over.',
  idle: 'It was not used for longer than this server allows.',
  too_many_sessions: 'You signed in on more devices than one person may have; the oldest gave way.',
  password_changed: 'Your password was changed on another device; all other sessions ended.',
  password_reset: 'Your password was reset; every session ended.',
  email_changed: 'Your e-mail address was changed on another device; all other sessions ended.',
  email_change_undone:
    'A change of your e-mail address was undone from the old one; every session ended.',
  not_me: 'Somebody opened the link "this was not me" in a mail of ours; every session ended.',
  token_reuse: 'A token that had been replaced was used again: perhaps a copy of it was stolen.',
  role_changed: 'Your role on this server was changed; the new one begins with a new sign-in.',
  disabled: 'The operator of this server closed the account.',
  ended_by_operator: 'The operator of this server ended it.',
  panic: 'The operator of this server ended many sessions at once, since somebody may have got in.',
  restored: 'The server was restored from a backup, which ends every session.',
  ended: 'It was ended.',
} as const

export type EndReason = keyof typeof endings

export interface SessionEnd {
  readonly reason: EndReason
  readonly at: number
}

type Ending = Pick<
  LiveSessionRow,
  | 'created_at'
  | 'last_seen_at'
  | 'expires_at'
  | 'ended_at'
  | 'end_reason'
  | 'disabled_at'
  | 'sessions_valid_after'
>

/** When and why a session ended, or null while it lives. What was done to it after its time counts no more. */
export function endOf(
  config: Pick<Config, 'sessionIdleDays'>,
  row: Ending,
  now: number,
): SessionEnd | null {
  const { created_at, expires_at, ended_at, disabled_at, sessions_valid_after } = row
  if (ended_at !== null && ended_at < expires_at) {
    return { reason: reasonOf(row.end_reason), at: ended_at }
  }
  if (disabled_at !== null) return { reason: 'disabled', at: disabled_at }
  if (created_at < sessions_valid_after) return { reason: 'ended', at: sessions_valid_after }
  if (now >= expires_at) return { reason: 'expired', at: expires_at }
  const since = idleSince(config, now)
  return row.last_seen_at <= since ? { reason: 'idle', at: now - since + row.last_seen_at } : null
}

/** Sessions that were seen no later than this are idle; none is where idling ends nothing. */
export function idleSince({ sessionIdleDays }: Pick<Config, 'sessionIdleDays'>, now: number) {
  return sessionIdleDays > 0 ? now - sessionIdleDays * DAY : -1
}

function reasonOf(kept: string | null): EndReason {
  return kept !== null && Object.hasOwn(endings, kept) ? (kept as EndReason) : 'ended'
}
