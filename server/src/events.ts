/**
 * The closed table of events (decision 030): what is told to programs of the operator's, when, and with which data beside
 * `user_id`. What is not named here leaves the server in no event. docs/webhooks.md is compared with it both ways.
 */
export const events = {
  'user.created': [
    'An account was made: by a registration, an import or the operator',
    ['email', 'imported'],
  ],
  'user.updated': [
    'Its names, address, role or password were changed, whoever did it; `email` when the address did',
    ['changed', 'email', 'role'],
  ],
  'user.disabled': ['An admin signed somebody out and lets them in no more', ['actor']],
  'user.enabled': ['They may sign in again', ['actor']],
  'user.disowned': [
    'Its owner said that somebody else was in: every way in ended, and a reset is mailed',
    [],
  ],
  'user.deleted': ['An account is gone, with its sessions and keys', ['actor']],
  'user.factor_added': ['A second factor was added', ['kind']],
  'user.factor_removed': ['One was removed', ['kind']],
  'session.started': ['Somebody signed in on a device', ['session_id', 'expires_at']],
  'session.ended': [
    'Something ended a session before its time; `reason` is one of those in docs/sessions.md',
    ['session_id', 'reason'],
  ],
  'api_key.created': ['A key was made', ['api_key_id', 'parent_id', 'expires_at']],
  'api_key.updated': ['Its name, rights or limits were changed', ['api_key_id']],
  'api_key.rotated': ['It has another secret', ['api_key_id']],
  'api_key.paused': ['It opens nothing until it is resumed', ['api_key_id', 'by']],
  'api_key.resumed': ['It opens again', ['api_key_id', 'by']],
  'api_key.leaked': ['Its secret was found in the open, and shown to us', ['api_key_id']],
  'api_key.revoked': ['It is over', ['api_key_id']],
  'budget.reached': [
    'A limit refused a call for the first time in its day or month',
    ['api_key_id', 'level', 'limit', 'used', 'most', 'resets_at'],
  ],
  'budget.raise_requested': [
    'Its owner asked to allow a key more for a day; a code is mailed',
    ['api_key_id', 'limit', 'amount'],
  ],
  'budget.raised': [
    'The code was right, and the key may spend more',
    ['api_key_id', 'limit', 'amount'],
  ],
  'budget.changed': ['The operator said what somebody may spend', ['actor']],
  'panic.confirmed': [
    'The operator ended many sessions at once and paused many keys; none of them is told by itself',
    ['panic_id', 'actor'],
  ],
  'panic.undone': ['They came back', ['panic_id', 'actor']],
  'webhook.test': [
    'An admin asked an endpoint for a sign of life; it is told to that one alone',
    [],
  ],
} as const satisfies Record<string, readonly [sentence: string, data: readonly string[]]>

export type EventType = keyof typeof events

/** What the audit trail calls it, and as what it is told. */
export const tellings: Readonly<Record<string, readonly EventType[]>> = {
  'registration.verified': ['user.created', 'session.started'],
  'login.verified': ['session.started'],
  'pairing.verified': ['session.started'],
  'user.created': ['user.created'],
  'user.imported': ['user.created'],
  'profile.changed': ['user.updated'],
  'email.changed': ['user.updated'],
  'email.change_undone': ['user.updated'],
  'password.changed': ['user.updated'],
  'password.reset': ['user.updated'],
  'user.recovered': ['user.updated'],
  'user.made_admin': ['user.updated'],
  'user.made_user': ['user.updated'],
  'user.disabled': ['user.disabled'],
  'user.enabled': ['user.enabled'],
  'account.disowned': ['user.disowned'],
  'user.deleted': ['user.deleted'],
  'factor.added': ['user.factor_added'],
  'factor.removed': ['user.factor_removed'],
  'key.created': ['api_key.created'],
  'key.derived': ['api_key.created'],
  'key.changed': ['api_key.updated'],
  'key.rotated': ['api_key.rotated'],
  'key.paused': ['api_key.paused'],
  'key.resumed': ['api_key.resumed'],
  'key.leaked': ['api_key.leaked'],
  'raise.asked': ['budget.raise_requested'],
  'raise.granted': ['budget.raised'],
  'user.budget': ['budget.changed'],
  'panic.confirmed': ['panic.confirmed'],
  'panic.undone': ['panic.undone'],
}

const ids = {
  session: 'session_id',
  api_key: 'api_key_id',
  budget: 'api_key_id',
  panic: 'panic_id',
}

/** What an event calls the thing that it is about; null where that is the person. */
export function subjectOf(type: string): string | null {
  const [family = ''] = type.split('.')
  return ids[family as keyof typeof ids] ?? null
}
