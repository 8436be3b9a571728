import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { UserRow } from '../store/users.ts'
import { Identifier, Password, strict, tolerated } from '../wire/body.ts'
import { findAccount } from './account.ts'
import { allowed } from './audit.ts'
import { counter, waitForAll } from './budget.ts'
import { codeLetter, loginDigits, newChallenge, newEmailKey, requireGuesses } from './challenge.ts'
import { findKnownDevice } from './device.ts'
import { challengeLink } from './link.ts'
import { AssertionOptions, assertionOptions } from './passkey.ts'
import { requireHasher } from './password.ts'
import { requirePassword, spendTry, triesOf } from './password-try.ts'
import { randomId } from './random.ts'
import { methodsOf } from './second-step.ts'

export const LoginBody = Type.Object(
  {
    email_or_username: Identifier,
    password: Password,
    device_token: Type.Optional(Type.String({ maxLength: 200 })),
    ...tolerated,
  },
  strict,
)

export const LoginAnswer = Type.Object({
  success: Type.Literal(true),
  message: Type.String(),
  email_key: Type.String(),
  email: Type.String(),
  requires_verification: Type.Literal(true),
  next_step: Type.Literal('email_verification'),
  type: Type.Literal('login'),
  methods: Type.Array(Type.String(), { description: 'What `verify` takes as its `method`' }),
  passkey: Type.Optional(AssertionOptions),
})

/** Step one of signing in: the right password mails a code (contract S1). */
export async function login(
  call: Call<Static<typeof LoginBody>>,
): Promise<Static<typeof LoginAnswer>> {
  const { app, body, now } = call
  await requireHasher(app)
  const { user, spelling } = await findAccount(app, body.email_or_username)
  const deviceId = await findKnownDevice(app, body.device_token, user?.id ?? null, now)

  const tries = triesOf(call, user, spelling, deviceId)
  await spendTry(call, user, tries)
  await requirePassword(call, body.password, user, tries)
  if (!user) throw new ApiError('INVALID_CREDENTIALS')
  // Asked together: none of them needs another's answer.
  const [digits, methods] = await Promise.all([
    loginDigits(app, user, now),
    methodsOf(app, user.id),
    requireGuesses(app, user, deviceId, now),
  ])

  const emailKey = newEmailKey()
  const challenge = await openChallenge(call, user, deviceId, emailKey, digits)
  const passkey = methods.includes('passkey') && (await assertionOptions(app, challenge, user.id))
  return {
    success: true,
    message: 'Login credentials verified. Please check your email for verification code.',
    email_key: emailKey,
    email: user.address,
    requires_verification: true,
    next_step: 'email_verification',
    type: 'login',
    methods,
    ...(passkey ? { passkey } : {}),
  }
}

async function openChallenge(
  call: Call,
  user: UserRow,
  deviceId: string | null,
  emailKey: string,
  digits: number,
): Promise<ChallengeRow> {
  const { app, origin, now } = call
  const challenge = newChallenge(app, emailKey, {
    purpose: 'login',
    userId: user.id,
    address: user.address,
    deviceId,
    digits,
    origin,
    now,
  })
  const mails = counter(app, 'code-mails', [user.id], user.id)
  const link = challengeLink(app, challenge)
  const opening = {
    challenge,
    ...(link ? { link: link.row } : {}),
    letter: codeLetter(challenge, now, 'login'),
    event: allowed(call, 'login.password', { userId: user.id }),
    tryId: randomId('try_'),
  }
  if (!(await app.store.challenges.openLogin(opening, mails))) {
    throw tooMany('TOO_MANY_REQUESTS', await waitForAll(app, [mails], now))
  }
  app.outbox.poke()
  return challenge
}
