import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ChallengeRow, Opening } from '../store/challenges.ts'
import type { Ended } from '../store/endings.ts'
import type { LinkRow } from '../store/links.ts'
import type { Proof } from '../store/recovery.ts'
import type { UserRow } from '../store/users.ts'
import { forgetApiKeys } from './api-key.ts'
import { allowed } from './audit.ts'
import {
  codeLetter,
  mayMailStranger,
  newChallenge,
  newEmailKey,
  RECOVERY_DIGITS,
} from './challenge.ts'
import { parseEmailAddress } from './email-address.ts'
import { codeCounter } from './guess-budget.ts'
import { challengeLink } from './link.ts'
import { noticeOf } from './notice.ts'
import { hashPassword, requireGoodPassword } from './password.ts'
import { randomId } from './random.ts'
import { forgetSession } from './session.ts'

/** A reset that is about to be opened. Of an address without an account it is kept like any other, and mails nobody. */
export async function newReset(
  call: Call,
  user: UserRow | null,
  address: string,
): Promise<{ emailKey: string; opening: Opening }> {
  const { app, origin, now } = call
  const emailKey = newEmailKey()
  const challenge = newChallenge(app, emailKey, {
    purpose: 'password_reset',
    userId: user?.id ?? null,
    address,
    deviceId: null,
    digits: RECOVERY_DIGITS,
    origin,
    now,
  })
  const mailbox = parseEmailAddress(address)?.mailbox ?? address
  const mails = (await mayMailStranger(app, mailbox, now)) && user !== null
  const link = challengeLink(app, challenge)
  const opening = {
    challenge,
    letter: mails ? codeLetter(challenge, now, 'password_reset') : null,
    event: allowed(call, 'reset.begun', { userId: user?.id ?? null }),
    tryId: randomId('try_'),
    ...(link ? { link: link.row } : {}),
  }
  return { emailKey, opening }
}

/** One that its owner asked for by a link of ours: it is mailed, whatever strangers asked for that mailbox. */
export async function newOwnReset(call: Call, user: UserRow, address: string): Promise<Opening> {
  const { opening } = await newReset(call, user, address)
  return { ...opening, letter: codeLetter(opening.challenge, call.now, 'password_reset') }
}

/** The password that may follow, or WEAK_PASSWORD; nothing is hashed and nothing spent yet. */
export async function requireNewPassword(
  app: App,
  user: UserRow | null,
  text: string,
): Promise<string> {
  const words = [user?.address ?? '', user?.user_name ?? '', user?.full_name ?? '']
  return requireGoodPassword(app, text, words)
}

/** Gives the account its new password and ends every way in; true for exactly one use of the proof. */
export async function finishReset(
  call: Call,
  user: UserRow,
  proof: Proof,
  spelt: string,
): Promise<boolean> {
  const { app, now } = call
  const ended = await app.store.recovery.resetPassword({
    userId: user.id,
    now,
    proof,
    passwordHash: await hashPassword(app, spelt),
    budgetKeys: [codeCounter(app, user.id, null).key],
    event: allowed(call, 'password.reset', {
      userId: user.id,
      subjectId: user.id,
      facts: { changed: ['password'] },
    }),
    ...noticeOf(call, user, 'password-reset'),
  })
  if (ended) forgetEnded(app, ended)
  app.outbox.poke()
  return ended !== null
}

/** "This was not me": every way in ends, the password opens nothing any more, and a reset is mailed. */
export async function disown(call: Call, link: LinkRow): Promise<boolean> {
  const { app, now } = call
  const user = await app.store.users.find(link.user_id)
  if (!user || user.disabled_at !== null) return false
  const ended = await app.store.recovery.disown({
    userId: user.id,
    now,
    proof: proofOf('mail_links', link),
    reset: await newOwnReset(call, user, user.address),
    event: allowed(call, 'account.disowned', { userId: user.id }),
    letters: [],
    links: [],
  })
  if (ended) forgetEnded(app, ended)
  app.outbox.poke()
  return ended !== null
}

/** Whom a recovery is for; one answer when the account is gone or closed. */
export async function requireOwner(app: App, userId: string | null): Promise<UserRow> {
  const user = userId ? await app.store.users.find(userId) : null
  if (!user || user.disabled_at !== null) throw new ApiError('INVALID_VERIFICATION_CODE')
  return user
}

export function proofOf(table: Proof['table'], { id }: Pick<ChallengeRow, 'id'>): Proof {
  return { table, id, by: randomId('use_') }
}

/** From the next request on this process asks the database about all of these. */
export function forgetEnded(app: App, ended: Ended): void {
  for (const id of ended.sessions) forgetSession(app, id)
  const hashes = new Set(ended.keyHashes)
  forgetApiKeys(app, ({ hash }) => hashes.has(hash))
}
