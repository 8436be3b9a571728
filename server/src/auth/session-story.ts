import type { App } from '../context.ts'
import type { AuditRow } from '../store/audit.ts'
import type { SessionRow } from '../store/sessions.ts'
import { type EndReason, endOf } from './session-end.ts'

/** What was decided about a session, in words. */
const deeds: Readonly<Record<string, string>> = {
  'login.verified': 'Signed in',
  'pairing.verified': 'Let in by somebody signed in elsewhere',
  'registration.verified': 'Registered and signed in',
  'session.refreshed': 'Renewed',
  'session.rotated': 'Renewed, with a new refresh token',
  'session.moved': 'Used from another network with another program',
  'session.ended': 'Ended',
  'sessions.ended': 'Ended all other sessions',
  'password.changed': 'The password was changed',
  'password.reset': 'The password was reset',
  'email.changed': 'The e-mail address was changed',
  'email.change_undone': 'A change of the e-mail address was undone',
  'account.exported': 'A copy of all that is kept was taken',
  'account.disowned': 'A link "this was not me" was used',
  'user.recovered': 'The account got a new password',
  'user.signed_out': 'The operator ended every session',
  'user.disabled': 'The account was closed',
  'panic.ended': 'The operator ended sessions in a panic',
  'user.made_admin': 'The person became an admin',
  'user.made_user': 'The person is an admin no more',
}

/** What ends sessions together with others: it stands in the trail once, for all of them. */
const causes: Partial<Record<EndReason, readonly string[]>> = {
  signed_out_elsewhere: ['sessions.ended'],
  too_many_sessions: ['login.verified', 'pairing.verified'],
  password_changed: ['password.changed'],
  password_reset: ['password.reset', 'user.recovered'],
  email_changed: ['email.changed'],
  email_change_undone: ['email.change_undone'],
  not_me: ['account.disowned'],
  role_changed: ['user.made_admin', 'user.made_user'],
  disabled: ['user.disabled'],
  ended_by_operator: ['user.signed_out'],
  panic: ['panic.ended'],
}

export interface Deed {
  readonly what: string
  readonly row: AuditRow
}

/** How a session fared: the last decisions about it, newest first, out of the audit trail. */
export async function storyOf(
  app: App,
  session: SessionRow,
  now: number,
  most: number,
): Promise<Deed[]> {
  const { id: sessionId, user_id: userId } = session
  const end = endOf(app.config, session, now)
  const endedAt = end?.at ?? null
  const rows = await app.store.audit.listAboutSession({ sessionId, userId, endedAt, most })
  const causing = end ? (causes[end.reason] ?? []) : []
  const about = rows.filter(
    ({ subject_id, event }) => subject_id === sessionId || causing.includes(event),
  )
  return about.slice(0, most).map((row) => ({ what: tell(row, sessionId), row }))
}

function tell({ event, subject_id }: AuditRow, sessionId: string): string {
  const what = deeds[event] ?? event
  const isSignIn = event === 'login.verified' || event === 'pairing.verified'
  return isSignIn && subject_id !== sessionId ? `${what} on another device` : what
}
