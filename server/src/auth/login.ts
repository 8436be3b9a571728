import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { UserRow } from '../store/users.ts'
import { Identifier, Password, strict, tolerated } from '../wire/body.ts'
import { allowed } from './audit.ts'
import { counter, waitForAll } from './budget.ts'
import { codeLetter, newChallenge, newEmailKey } from './challenge.ts'
import { challengeLink } from './link.ts'
import { type LoginTry, spendLoginTry } from './login-try.ts'
import { AssertionOptions, assertionOptions } from './passkey.ts'
import { requireHasher } from './password.ts'
import { giveBack, requirePassword } from './password-try.ts'
import { randomId } from './random.ts'

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
  const { app, body } = call
  await requireHasher(app)
  const attempt = await spendLoginTry(call, body.email_or_username, body.device_token)
  await requirePassword(call, body.password, attempt)
  const { user, methods } = attempt
  if (!user) throw new ApiError('INVALID_CREDENTIALS')
  await requireGuesses(call, attempt)

  const emailKey = newEmailKey()
  const challenge = await openChallenge(call, user, attempt, emailKey)
  const passkey = methods.includes('passkey') && (await assertionOptions(app, challenge, user.id))
  return {
    success: true,
    message: 'Login credentials verified. Please check your email for verification code.',
    email_key: emailKey,
    email: user.address,
    requires_verification: true,
    next_step: 'email_verification',
    type: 'login',
    methods: [...methods],
    ...(passkey ? { passkey } : {}),
  }
}

/** Whether this account may still be asked for a code; a password reset is the way out when it may not. */
async function requireGuesses(call: Call, { tries, guessesWaitMs }: LoginTry): Promise<void> {
  if (guessesWaitMs === 0) return
  await giveBack(call, tries)
  throw tooMany('TOO_MANY_VERIFICATION_ATTEMPTS', guessesWaitMs)
}

/** The code goes out, and the try of the right password is given back. */
async function openChallenge(
  call: Call,
  user: UserRow,
  { deviceId, digits, tries }: LoginTry,
  emailKey: string,
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
  const keys = tries.map(({ key }) => key)
  if (!(await app.store.challenges.openLogin(opening, mails, keys))) {
    throw tooMany('TOO_MANY_REQUESTS', await waitForAll(app, [mails], now))
  }
  app.outbox.poke()
  return challenge
}
