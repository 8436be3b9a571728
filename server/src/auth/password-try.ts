import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { budgets } from '../limits.ts'
import type { Counter } from '../store/budgets.ts'
import type { LoginCounter } from '../store/login-tries.ts'
import type { UserRow } from '../store/users.ts'
import { recordRefusal } from './audit.ts'
import { counter, ownCounter, waitForAll } from './budget.ts'
import { standInFor } from './foreign-password.ts'
import { writeToOwner } from './notice.ts'
import { isPassword, refreshHash } from './password.ts'
import { randomId } from './random.ts'

/** A password that is tried. */
export interface PasswordTry {
  readonly user: UserRow | null
  /** What the try was counted on. */
  readonly tries: readonly Counter[]
  /** What a stranger waits for in the place of a hash. */
  readonly standIn: string | null
}

/**
 * The password of somebody who is signed in, asked for again; it spends what a login would (security case 6). The hash
 * that was proven: what rests on it happens only while it is still the account's.
 */
export async function requirePasswordAgain(
  call: Call,
  user: UserRow,
  password: string,
): Promise<string> {
  const { app, now } = call
  const tries = triesFrom(call).map((each) => triesOf(each, user.id, user))
  const counted = await app.store.budgets.take(tries, now, randomId('try_'))
  await requireCounted(call, { user, tries, counted })
  const standIn = await standInFor(app, user.id)
  const proven = await requirePassword(call, password, { user, tries, standIn })
  await giveBack(call, tries)
  return proven
}

/** Whose budgets a wrong password spends, whoever is named: the id of the account goes behind those of its own. */
export function triesFrom({ app, origin }: Call): LoginCounter[] {
  const { key: source } = counter(app, 'login-account-source', [origin.source])
  return [
    { ...ownCounter('login-account-source', `${source} `, null), isAccounts: true },
    { ...counter(app, 'login-source', [origin.source]), isAccounts: false },
    ...(origin.network
      ? [{ ...counter(app, 'login-network', [origin.network]), isAccounts: false }]
      : []),
    { ...ownCounter('login-account', '', null), isAccounts: true },
  ]
}

/** One of them, on this account, or on what is counted where nobody has that name. */
export function triesOf(open: LoginCounter, account: string, user: UserRow | null): Counter {
  const { isAccounts, ...any } = open
  return isAccounts ? { ...any, key: open.key + account, userId: user?.id ?? null } : any
}

/** Refuses a try that was not counted, before anybody hashes. */
export async function requireCounted(
  call: Call,
  { user, tries, counted }: Omit<PasswordTry, 'standIn'> & { readonly counted: boolean },
): Promise<void> {
  const { app, now, headers } = call
  const [{ tries: quota, withinMs }] = budgets['login-account-source'].windows
  headers['ratelimit-policy'] = `"login";q=${quota};w=${withinMs / 1000}`
  if (counted) return
  const wait = Math.max(1, await waitForAll(app, tries, now))
  headers.ratelimit = `"login";r=0;t=${Math.ceil(wait / 1000)}`
  await recordRefusal(call, 'login.refused', { reason: 'too_many', userId: user?.id ?? null })
  throw tooMany('TOO_MANY_LOGIN_ATTEMPTS', wait)
}

/**
 * The hash that was proven. A try that was not decided is given back here, a right one by the caller, together with what
 * follows from it; only wrong passwords count.
 */
export async function requirePassword(
  call: Call,
  password: string,
  attempt: PasswordTry,
): Promise<string> {
  const { user, tries } = attempt
  const proven = await prove(call, password, attempt).catch(async (cause) => {
    await giveBack(call, tries)
    throw cause
  })
  if (proven !== null && user) return proven
  await recordRefusal(call, 'login.refused', { reason: 'wrong_password', userId: user?.id ?? null })
  await noticeHammering(call, attempt)
  throw new ApiError('INVALID_CREDENTIALS')
}

/** A try that was no wrong one. */
export async function giveBack({ app }: Call, tries: readonly Counter[]): Promise<void> {
  await app.store.budgets.giveBack(tries.map(({ key }) => key))
}

/** Null when it is wrong. */
async function prove(
  call: Call,
  password: string,
  { user, standIn }: PasswordTry,
): Promise<string | null> {
  const { app } = call
  const right = await isPassword(app, user, password, standIn)
  if (!(right && user && user.disabled_at === null)) return null
  const proven = await refreshHash(app, user, password)
  await requireOwnPassword(call, user)
  return proven
}

/** A password that its owner gave up opens nothing and says so to nobody; the owner is told once a day. */
async function requireOwnPassword(call: Call, user: UserRow): Promise<void> {
  if (user.reset_required_at === null) return
  await recordRefusal(call, 'login.refused', { reason: 'reset_required', userId: user.id })
  await writeToOwner(call, user, 'reset-needed')
  throw new ApiError('INVALID_CREDENTIALS')
}

/** After a hundred wrong passwords in a row the owner is told, once a day. Strangers cost the same look. */
async function noticeHammering(call: Call, { user, tries }: PasswordTry): Promise<void> {
  const rows = await call.app.store.budgets.find(tries.map(({ key }) => key))
  const hammered = rows.some((row) => row.streak >= budgets['login-account'].streak.after)
  if (user && hammered) await writeToOwner(call, user, 'login-hammered')
}
