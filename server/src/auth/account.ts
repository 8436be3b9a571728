import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { UserRow } from '../store/users.ts'
import { parseEmailAddress } from './email-address.ts'
import { parseUserName } from './user-name.ts'

/** The person of a session, as the database says it now. */
export async function requirePerson(app: App, userId: string): Promise<UserRow> {
  const user = await app.store.users.find(userId)
  if (!user || user.disabled_at !== null) throw new ApiError('TOKEN_INVALID')
  return user
}

export interface AccountName {
  readonly by: 'address' | 'user_name'
  /** The one spelling of what was typed. */
  readonly spelling: string
}

/** What names an account, an e-mail address or a user name, however it is typed. */
export function readAccountName(typed: string): AccountName {
  const text = typed.normalize('NFKC').trim()
  const email = parseEmailAddress(text)
  if (email) return { by: 'address', spelling: email.address }
  return { by: 'user_name', spelling: parseUserName(text) ?? text.toLowerCase() }
}

/** Whom an e-mail address or a user name means. */
export async function findAccount({ store }: App, typed: string): Promise<UserRow | null> {
  const { by, spelling } = readAccountName(typed)
  return by === 'address'
    ? store.users.findByAddress(spelling)
    : store.users.findByUserName(spelling)
}
