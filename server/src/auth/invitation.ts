import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { InvitationRow } from '../store/invitations.ts'
import type { Role } from '../store/users.ts'
import { allowed } from './audit.ts'
import { parseEmailAddress } from './email-address.ts'
import { keyedHash } from './keyring.ts'
import { ownerLetter } from './notice.ts'
import { randomBytes } from './random.ts'
import type { Acting } from './roster.ts'
import { stopUrl, wantsLetters } from './unwanted.ts'

const LIFE_MS = 7 * 86_400_000
/** 22 characters of base64url carry 132 bits. */
const LENGTH = 22
const shape = /^[A-Za-z0-9_-]{22}$/

/** What a letter says, and the row that proves it. */
export function newInvitation(
  app: App,
  about: { address: string; role: Role; now: number },
): { secret: string; row: InvitationRow } {
  const { address, role, now } = about
  const secret = randomBytes(17).toString('base64url').slice(0, LENGTH)
  const [id = ''] = idsOf(app, secret)
  return { secret, row: { id, address, role, created_at: now, expires_at: now + LIFE_MS } }
}

/** Mails somebody an invitation in the place of an older one. Null when the address has an account. */
export async function invite(
  acting: Acting,
  { address, role }: Pick<InvitationRow, 'address' | 'role'>,
): Promise<InvitationRow | null> {
  const { app, now, actor } = acting
  const { mailbox = address } = parseEmailAddress(address) ?? {}
  if (!(await wantsLetters(app, mailbox, now))) {
    const reason = 'Whoever reads this mailbox wants no letters from us'
    throw new ApiError('OPERATION_NOT_ALLOWED', { details: { reason } })
  }
  const { secret, row } = newInvitation(app, { address, role, now })
  const { publicUrl } = app.config
  // It fills in a form and changes nothing: who follows it still has a code to read.
  const link = publicUrl ? `${publicUrl}/register?invitation=${secret}` : ''
  const letter = ownerLetter(acting, address, 'invitation', {
    code: secret,
    link,
    stop: stopUrl(app, address),
  })
  const event = allowed(acting, 'user.invited', { reason: role, actor })
  const made = await app.store.invitations.create(row, letter, event)
  app.outbox.poke()
  return made ? row : null
}

/**
 * The invitation that lets somebody register this address: null where anybody may and none was given. One that was
 * used, is over, is another's or never was is refused in the same words as none.
 */
export async function requireInvitation(
  { app, now }: Pick<Call, 'app' | 'now'>,
  given: string | undefined,
  address: string,
): Promise<InvitationRow | null> {
  const { registration } = app.config
  if (registration === 'open' && given === undefined) return null
  const mayKnow = registration !== 'closed' && given !== undefined && shape.test(given)
  const row = mayKnow ? await app.store.invitations.findLive(idsOf(app, given), address, now) : null
  if (!row) throw new ApiError('REGISTRATION_RESTRICTED')
  return row
}

function idsOf({ keyring }: App, secret: string): string[] {
  return keyring.all.map((keys) => keyedHash(keys.of.link, 'invitation', secret))
}
