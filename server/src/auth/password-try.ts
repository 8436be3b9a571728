import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { budgets } from '../limits.ts'
import type { Counter } from '../store/budgets.ts'
import type { UserRow } from '../store/users.ts'
import { recordRefusal } from './audit.ts'
import { counter, takeTry } from './budget.ts'
import { writeToOwner } from './notice.ts'
import { isPassword, refreshHash } from './password.ts'

/**
 * The password of somebody who is signed in, asked for again; it spends what a login would (security case 6). The hash
 * that was proven: what rests on it happens only while it is still the account's.
 */
export async function requirePasswordAgain(
  call: Call,
  user: UserRow,
  password: string,
): Promise<string> {
  const tries = triesOf(call, user, user.address, null)
  await spendTry(call, user, tries)
  return requirePassword(call, password, user, tries)
}

/** Whose budget a wrong password spends. A known device has one of its own, so strangers cannot lock it out. */
export function triesOf(
  call: Call,
  user: UserRow | null,
  spelling: string,
  deviceId: string | null,
): Counter[] {
  const { app, origin } = call
  const account = user?.id ?? spelling
  const owner = user?.id ?? null
  if (deviceId) return [counter(app, 'login-device', [deviceId], owner)]
  return [
    counter(app, 'login-account-source', [account, origin.source], owner),
    counter(app, 'login-source', [origin.source]),
    ...(origin.network ? [counter(app, 'login-network', [origin.network])] : []),
    counter(app, 'login-account', [account], owner),
  ]
}

export async function spendTry(
  call: Call,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<void> {
  const { app, now, headers } = call
  const wait = await takeTry(app, tries, now)
  const [{ tries: quota, withinMs }] = budgets['login-account-source'].windows
  headers['ratelimit-policy'] = `"login";q=${quota};w=${withinMs / 1000}`
  if (wait === 0) return
  headers.ratelimit = `"login";r=0;t=${Math.ceil(wait / 1000)}`
  await recordRefusal(call, 'login.refused', { reason: 'too_many', userId: user?.id ?? null })
  throw tooMany('TOO_MANY_LOGIN_ATTEMPTS', wait)
}

/** A try that was right, or that was not decided, is given back; only wrong passwords count. The hash that was proven. */
export async function requirePassword(
  call: Call,
  password: string,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<string> {
  const { app } = call
  const giveBack = () => app.store.budgets.giveBack(tries.map(({ key }) => key))
  const right = await isPassword(app, user, password, nameOf(user, tries)).catch(async (cause) => {
    await giveBack()
    throw cause
  })
  if (right && user && user.disabled_at === null) {
    await giveBack()
    const proven = await refreshHash(app, user, password)
    await requireOwnPassword(call, user)
    return proven
  }
  await recordRefusal(call, 'login.refused', { reason: 'wrong_password', userId: user?.id ?? null })
  await noticeHammering(call, user, tries)
  throw new ApiError('INVALID_CREDENTIALS')
}

/** A stranger's name as its account's budget has it: however it was typed, and told to nobody. */
function nameOf(user: UserRow | null, tries: readonly Counter[]): string {
  return tries.find(({ name }) => name === 'login-account')?.key ?? user?.id ?? ''
}

/** A password that its owner gave up opens nothing and says so to nobody; the owner is told once a day. */
async function requireOwnPassword(call: Call, user: UserRow): Promise<void> {
  if (user.reset_required_at === null) return
  await recordRefusal(call, 'login.refused', { reason: 'reset_required', userId: user.id })
  await writeToOwner(call, user, 'reset-needed')
  throw new ApiError('INVALID_CREDENTIALS')
}

/** After a hundred wrong passwords in a row the owner is told, once a day. Strangers cost the same look. */
async function noticeHammering(
  call: Call,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<void> {
  const rows = await call.app.store.budgets.find(tries.map(({ key }) => key))
  const hammered = rows.some((row) => row.streak >= budgets['login-account'].streak.after)
  if (user && hammered) await writeToOwner(call, user, 'login-hammered')
}
