import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { NewLetter } from '../store/outbox.ts'
import type { UserRow } from '../store/users.ts'
import { Name, Password, strict, tolerated } from '../wire/body.ts'
import { allowed } from './audit.ts'
import {
  codeLetter,
  mayMailStranger,
  newChallenge,
  newEmailKey,
  personOf,
  REGISTRATION_DIGITS,
  rules,
} from './challenge.ts'
import { requireEmail } from './email-address.ts'
import { requireFullName } from './full-name.ts'
import { requireInvitation } from './invitation.ts'
import { letterTo } from './notice.ts'
import { hashPassword, requireGoodPassword } from './password.ts'
import { randomId } from './random.ts'
import { wantsLetters } from './unwanted.ts'
import { requireUserName } from './user-name.ts'

export const RegisterBody = Type.Object(
  {
    email: Type.String({ minLength: 1, maxLength: 320 }),
    password: Password,
    full_name: Type.Optional(Name),
    user_name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    invitation: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: 'From the letter that invited' }),
    ),
    ...tolerated,
  },
  strict,
)

export const RegisterAnswer = Type.Object({
  success: Type.Literal(true),
  email: Type.String(),
  email_key: Type.String(),
  verification_required: Type.Literal(true),
  type: Type.Literal('registration'),
  message: Type.String(),
})

/** Begins an account. An address that has one gets the same answer, and its owner a mail. */
export async function register(
  call: Call<Static<typeof RegisterBody>>,
): Promise<Static<typeof RegisterAnswer>> {
  const { app, body, now } = call
  const { address, mailbox } = requireEmail(body.email)
  const invitation = await requireInvitation(call, body.invitation, address)
  const userName = body.user_name === undefined ? null : requireUserName(body.user_name)
  const fullName = body.full_name === undefined ? null : requireFullName(body.full_name)
  const words = [address, userName ?? '', fullName ?? '']
  const passwordHash = await hashPassword(app, await requireGoodPassword(app, body.password, words))

  const emailKey = newEmailKey()
  const challenge = newRegistration(call, emailKey, address)
  const owner = await app.store.users.findOwner(address, now)
  const opened = await app.store.challenges.openRegistration(
    {
      challenge,
      letter: await letterFor(call, challenge, owner, mailbox),
      event: allowed(call, 'registration.begun', {
        userId: owner?.id ?? null,
        subjectId: personOf(app, challenge),
      }),
      tryId: randomId('try_'),
    },
    {
      address,
      user_name: userName,
      full_name: fullName,
      password_hash: passwordHash,
      challenge_id: challenge.id,
      expires_at: now + rules.registration.resendMs + rules.registration.codeLifeMs,
      invitation_id: invitation?.id ?? null,
    },
  )
  if (!opened) throw new ApiError('USERNAME_TAKEN', { param: 'user_name' })
  app.outbox.poke()
  return {
    success: true,
    email: address,
    email_key: emailKey,
    verification_required: true,
    type: 'registration',
    message: 'Registration received. Please check your email for verification code.',
  }
}

function newRegistration(call: Call, emailKey: string, address: string): ChallengeRow {
  const { app, origin, now } = call
  return newChallenge(app, emailKey, {
    purpose: 'registration',
    userId: null,
    address,
    deviceId: null,
    digits: REGISTRATION_DIGITS,
    origin,
    now,
  })
}

/** The code for a new address, a word to the owner of a known one, or nothing when a cap says so. */
async function letterFor(
  call: Call,
  challenge: ChallengeRow,
  owner: UserRow | null,
  mailbox: string,
): Promise<NewLetter | null> {
  const { app, now } = call
  const mayMail =
    (await mayMailStranger(app, mailbox, now)) && (await wantsLetters(app, mailbox, now))
  if (!mayMail) return null
  return letterTo(call, owner, challenge.address, codeLetter(challenge, now, 'registration'))
}
