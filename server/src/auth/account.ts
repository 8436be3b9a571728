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

export interface Named {
  readonly user: UserRow | null
  /** The one spelling of what was typed: every way to name an account spends the same budget. */
  readonly spelling: string
}

/** Whom an e-mail address or a user name means, however it is typed. */
export async function findAccount(app: App, typed: string): Promise<Named> {
  const text = typed.normalize('NFKC').trim()
  const email = parseEmailAddress(text)
  if (email) {
    return { user: await app.store.users.findByAddress(email.address), spelling: email.address }
  }
  const name = parseUserName(text) ?? text.toLowerCase()
  return { user: await app.store.users.findByUserName(name), spelling: name }
}
