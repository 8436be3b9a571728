import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import { budgets } from '../limits.ts'
import type { Counter } from '../store/budgets.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { UserRow } from '../store/users.ts'
import { Identifier, Password, strict, tolerated } from '../wire/body.ts'
import { findAccount } from './account.ts'
import { allowed, recordRefusal } from './audit.ts'
import { counter, takeTry, waitForAll } from './budget.ts'
import { codeLetter, loginDigits, newChallenge, newEmailKey, requireGuesses } from './challenge.ts'
import { findKnownDevice } from './device.ts'
import { writeToOwner } from './notice.ts'
import { AssertionOptions, assertionOptions } from './passkey.ts'
import { isPassword, refreshHash } from './password.ts'
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
  const { user, spelling } = await findAccount(app, body.email_or_username)
  const deviceId = await findKnownDevice(app, body.device_token, user?.id ?? null, now)

  const tries = triesOf(call, user, spelling, deviceId)
  await spendTry(call, user, tries)
  await requirePassword(call, user, tries)
  if (!user) throw new ApiError('INVALID_CREDENTIALS')
  await requireGuesses(app, user, deviceId, now)

  const emailKey = newEmailKey()
  const challenge = await openChallenge(call, user, deviceId, emailKey)
  const methods = await methodsOf(app, user.id)
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

/** Whose budget a wrong password spends. A known device has one of its own, so strangers cannot lock it out. */
function triesOf(
  call: Call,
  user: UserRow | null,
  spelling: string,
  deviceId: string | null,
): Counter[] {
  const { app, origin } = call
  const account = user?.id ?? spelling
  const owner = user?.id ?? null
  if (deviceId) return [counter(app, 'login-device', [deviceId], owner)]
  return [
    counter(app, 'login-account-source', [account, origin.source], owner),
    counter(app, 'login-source', [origin.source]),
    ...(origin.network ? [counter(app, 'login-network', [origin.network])] : []),
    counter(app, 'login-account', [account], owner),
  ]
}

async function spendTry(
  call: Call,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<void> {
  const { app, now, headers } = call
  const wait = await takeTry(app, tries, now)
  const [{ tries: quota, withinMs }] = budgets['login-account-source'].windows
  headers['ratelimit-policy'] = `"login";q=${quota};w=${withinMs / 1000}`
  if (wait === 0) return
  headers.ratelimit = `"login";r=0;t=${Math.ceil(wait / 1000)}`
  await recordRefusal(call, 'login.refused', { reason: 'too_many', userId: user?.id ?? null })
  throw tooMany('TOO_MANY_LOGIN_ATTEMPTS', wait)
}

/** A try that was right, or that was not decided, is given back; only wrong passwords count. */
async function requirePassword(
  call: Call<{ password: string }>,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<void> {
  const { app, body } = call
  const giveBack = () => app.store.budgets.giveBack(tries.map(({ key }) => key))
  const right = await isPassword(app, user, body.password).catch(async (cause) => {
    await giveBack()
    throw cause
  })
  if (right && user && user.disabled_at === null) {
    await giveBack()
    return refreshHash(app, user, body.password)
  }
  await recordRefusal(call, 'login.refused', { reason: 'wrong_password', userId: user?.id ?? null })
  await noticeHammering(call, user, tries)
  throw new ApiError('INVALID_CREDENTIALS')
}

/** After a hundred wrong passwords in a row the owner is told, once a day. Strangers cost the same look. */
async function noticeHammering(
  call: Call,
  user: UserRow | null,
  tries: readonly Counter[],
): Promise<void> {
  const rows = await call.app.store.budgets.find(tries.map(({ key }) => key))
  const hammered = rows.some((row) => row.streak >= budgets['login-account'].streak.after)
  if (user && hammered) await writeToOwner(call, user, 'login-hammered')
}

async function openChallenge(
  call: Call,
  user: UserRow,
  deviceId: string | null,
  emailKey: string,
): Promise<ChallengeRow> {
  const { app, origin, now } = call
  const digits = await loginDigits(app, user, now)
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
  const opening = {
    challenge,
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
