import { type Static, Type } from 'typebox'
import type { App, Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import { EmailKey, strict, tolerated } from '../wire/body.ts'
import { allowed } from './audit.ts'
import { waitForAll } from './budget.ts'
import {
  codeLetter,
  findChallenge,
  mailCounter,
  mayMailStranger,
  personOf,
  REPEAT_WITHIN_MS,
  resendWait,
  rules,
} from './challenge.ts'
import { parseEmailAddress } from './email-address.ts'
import { randomId } from './random.ts'
import { wantsLetters } from './unwanted.ts'

export const ResendBody = Type.Object({ email_key: EmailKey, ...tolerated }, strict)

export const ResendAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  email_key: Type.String(),
  type: Type.Union([
    Type.Literal('registration'),
    Type.Literal('login'),
    Type.Literal('password_reset'),
    Type.Literal('budget_raise'),
    Type.Literal('email_change'),
  ]),
})

/** Mails a code again, also after the old one has expired (contract S7). */
export async function resendEmail(
  call: Call<Static<typeof ResendBody>>,
): Promise<Static<typeof ResendAnswer>> {
  const { app, body, now } = call
  const challenge = await findChallenge(app, body.email_key, now)
  if (now >= challenge.resend_until) throw new ApiError('INVALID_VERIFICATION_CODE')
  const early = resendWait(challenge, now)
  if (early > 0) throw tooMany('TOO_MANY_REQUESTS', early)

  await sendAgain(call, challenge)
  app.outbox.poke()
  return {
    success: true,
    message: 'A verification code is on its way. Please check your email.',
    email_key: body.email_key,
    type: challenge.purpose,
  }
}

async function sendAgain(call: Call, challenge: ChallengeRow): Promise<void> {
  const { app, now } = call
  const { id, purpose, user_id } = challenge
  const mails = mailCounter(app, challenge)
  const isProven = purpose === 'login' || purpose === 'budget_raise'
  const sends = isProven || (await mayMail(app, challenge, now))
  const { codeLifeMs, mostMails } = rules[purpose]
  const sent = await app.store.challenges.resend({
    id,
    counter: mails,
    letter: sends ? codeLetter(challenge, now, purpose) : null,
    event: allowed(call, 'code.resent', { userId: user_id, subjectId: personOf(app, challenge) }),
    tryId: randomId('try_'),
    now,
    codeLifeMs,
    repeatWithinMs: REPEAT_WITHIN_MS,
    mostMails,
  })
  if (sent) return
  const wait = mails ? await waitForAll(app, [mails], now) : 0
  throw tooMany('TOO_MANY_REQUESTS', wait || 60_000)
}

/**
 * A code for a new address goes to nobody when the address has an account: its owner was told once. A code for a reset
 * goes to nobody when it has none.
 */
async function mayMail(
  app: App,
  { purpose, address, user_id }: ChallengeRow,
  now: number,
): Promise<boolean> {
  const owner = await app.store.users.findOwner(address, now)
  const wanted =
    purpose === 'password_reset' ? user_id !== null : owner === null || owner.id === user_id
  const mailbox = parseEmailAddress(address)?.mailbox ?? address
  const may = await mayMailStranger(app, mailbox, now)
  if (purpose !== 'password_reset' && !(await wantsLetters(app, mailbox, now))) return false
  return may && wanted
}
