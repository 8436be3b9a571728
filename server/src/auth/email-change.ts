import type { Call } from '../context.ts'
import type { ChallengeRow, Opening } from '../store/challenges.ts'
import type { LinkRow } from '../store/links.ts'
import type { NewLetter } from '../store/outbox.ts'
import type { UserRow } from '../store/users.ts'
import { allowed } from './audit.ts'
import {
  codeLetter,
  EMAIL_CHANGE_DIGITS,
  mayMailStranger,
  newChallenge,
  newEmailKey,
} from './challenge.ts'
import type { EmailAddress } from './email-address.ts'
import { newLink, UNDO_MS } from './link.ts'
import { letterTo, ownerLetter } from './notice.ts'
import { randomId } from './random.ts'
import { forgetEnded, newOwnReset, proofOf } from './recovery.ts'
import { wantsLetters } from './unwanted.ts'

/** A change that is about to be opened. To an address that is somebody's it is kept like any other, and leads nowhere. */
export async function newEmailChange(
  call: Call,
  user: UserRow,
  email: EmailAddress,
): Promise<{ emailKey: string; opening: Opening }> {
  const { app, origin, now } = call
  const emailKey = newEmailKey()
  const challenge = newChallenge(app, emailKey, {
    purpose: 'email_change',
    userId: user.id,
    address: email.address,
    deviceId: null,
    digits: EMAIL_CHANGE_DIGITS,
    origin,
    now,
  })
  const opening = {
    challenge,
    letter: await letterFor(call, challenge, email),
    event: allowed(call, 'email.change_begun', { userId: user.id }),
    tryId: randomId('try_'),
  }
  return { emailKey, opening }
}

/** The code for a new address, a word to the owner of a known one, or nothing when a cap says so. */
async function letterFor(
  call: Call,
  challenge: ChallengeRow,
  { address, mailbox }: EmailAddress,
): Promise<NewLetter | null> {
  const { app, now } = call
  const mayMail =
    (await mayMailStranger(app, mailbox, now)) && (await wantsLetters(app, mailbox, now))
  const owner = await app.store.users.findOwner(address, now)
  if (!mayMail) return null
  const other = owner?.id === challenge.user_id ? null : owner
  return letterTo(call, other, address, codeLetter(challenge, now, 'email_change'))
}

/**
 * Gives the account the address whose code was right; every session but this one ends, with all that was mailed to
 * the old address. That one hears of it, and of the way back. True for exactly one use of the code.
 */
export async function finishEmailChange(
  call: Call,
  user: UserRow,
  challenge: ChallengeRow,
  sessionId: string,
): Promise<boolean> {
  const { app, now } = call
  const { address: from } = user
  const link = newLink(app, 'undo-email', { userId: user.id, now, address: from })
  const letter = ownerLetter(call, from, 'email-changed', { link: link.url })
  const ended = await app.store.emailChanges.change({
    userId: user.id,
    now,
    proof: proofOf('challenges', challenge),
    sessionId,
    from,
    to: challenge.address,
    heldUntil: now + UNDO_MS,
    event: allowed(call, 'email.changed', {
      userId: user.id,
      subjectId: sessionId,
      facts: { changed: ['email'], email: challenge.address },
    }),
    letters: [{ ...letter, userId: user.id }],
    links: [link.row],
  })
  if (ended) forgetEnded(app, ended)
  app.outbox.poke()
  return ended !== null
}

/** The old address again: every way in ends, the password opens nothing any more, and a reset is mailed there. */
export async function undoEmailChange(call: Call, link: LinkRow): Promise<boolean> {
  const { app, now } = call
  const user = await app.store.users.find(link.user_id)
  if (!user || user.disabled_at !== null || link.address === null) return false
  const ended = await app.store.emailChanges.undo({
    userId: user.id,
    now,
    proof: proofOf('mail_links', link),
    since: link.created_at,
    address: link.address,
    reset: await newOwnReset(call, user, link.address),
    event: allowed(call, 'email.change_undone', {
      userId: user.id,
      facts: { changed: ['email'], email: link.address },
    }),
    letters: [],
    links: [],
  })
  if (ended) forgetEnded(app, ended)
  app.outbox.poke()
  return ended !== null
}
