import type { App } from '../context.ts'
import { requireEmail } from './email-address.ts'
import { newInvitation } from './invitation.ts'
import { keyedHash, sameText } from './keyring.ts'
import { randomBytes } from './random.ts'

const LIFE_MS = 15 * 60_000
const NAME = 'setup'

/**
 * The secret of a link that makes the first admin; null when there is an account. Kept as its keyed hash, and only
 * the newest one works.
 */
export async function openSetup(app: App, now: number): Promise<string | null> {
  if (await app.store.users.isAny()) return null
  const secret = randomBytes(16).toString('base64url')
  await app.store.settings.put(NAME, `${hashOf(app, secret)} ${now + LIFE_MS}`)
  return secret
}

export async function isSetupOpen(app: App, secret: string, now: number): Promise<boolean> {
  const [hash = '', end = '0'] = (await app.store.settings.find(NAME))?.split(' ') ?? []
  const live = sameText(hashOf(app, secret), hash) && now < Number(end)
  return live && !(await app.store.users.isAny())
}

/** An invitation to be the first admin, for whoever holds the link; null when it is over. */
export async function inviteFirst(
  app: App,
  secret: string,
  email: string,
  now: number,
): Promise<string | null> {
  const { address } = requireEmail(email)
  if (!(await isSetupOpen(app, secret, now))) return null
  const invitation = newInvitation(app, { address, role: 'admin', now })
  await app.store.invitations.createFirst(invitation.row)
  return invitation.secret
}

function hashOf({ keyring }: App, secret: string): string {
  return keyedHash(keyring.current.of.link, NAME, secret)
}
