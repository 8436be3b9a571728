import type { App, Call } from '../context.ts'
import { budgets } from '../limits.ts'
import type { LoginDevice, LoginLook } from '../store/login-tries.ts'
import { readAccountName } from './account.ts'
import { counter, ownCounter, waitFor } from './budget.ts'
import { loginDigits } from './challenge.ts'
import { KNOWN_FOR_MS, provenDeviceId } from './device.ts'
import { standInId, standInOf } from './foreign-password.ts'
import { codeCounter } from './guess-budget.ts'
import { type PasswordTry, requireCounted, triesFrom, triesOf } from './password-try.ts'
import { randomId } from './random.ts'
import { type Method, methodsIn } from './second-step.ts'
import { SURGE_SETTING } from './surge.ts'

/** A password that is about to be tried, and what a right one leads to. */
export interface LoginTry extends PasswordTry {
  /** The known device in hand. */
  readonly deviceId: string | null
  readonly methods: readonly Method[]
  readonly digits: number
  /** Milliseconds until the account may be asked for a code again. */
  readonly guessesWaitMs: number
}

/** Counts a try at whatever account has this name, before its hash; all that the login has to know comes with it. */
export async function spendLoginTry(
  call: Call,
  typed: string,
  deviceToken: string | undefined,
): Promise<LoginTry> {
  const { app, now } = call
  const { by, spelling } = readAccountName(typed)
  // As it is counted where nobody has that name: told to nobody, and the same however it was typed.
  const stranger = counter(app, 'login-account', [spelling]).key
  const device = deviceInHand(app, deviceToken, now)
  const counters = triesFrom(call)
  const look = await app.store.loginTries.attempt({
    by,
    spelling,
    stranger,
    counters,
    device,
    guesses: ownCounter('code-account', '', null).key,
    standIn: standInId(app, stranger),
    surge: SURGE_SETTING,
    now,
    tryId: randomId('try_'),
  })
  const user = look.id === null ? null : look
  const tries =
    device && look.known_device
      ? [device.tries]
      : counters.map((each) => triesOf(each, user?.id ?? stranger, user))
  await requireCounted(call, { user, tries, counted: look.counted > 0 })
  return {
    user,
    tries,
    standIn: standInOf(look.stand_in),
    deviceId: look.known_device,
    methods: methodsIn(look),
    digits: loginDigits(app, look, now),
    guessesWaitMs: guessesWait(look, now),
  }
}

function deviceInHand(app: App, token: string | undefined, now: number): LoginDevice | null {
  const id = provenDeviceId(app, token)
  if (!id) return null
  return {
    id,
    usedAfter: now - KNOWN_FOR_MS,
    tries: counter(app, 'login-device', [id]),
    guesses: codeCounter(app, null, id).key,
  }
}

/** Of the device where it is known, else of the account. */
function guessesWait(look: LoginLook, now: number): number {
  const [budget, log] = look.known_device
    ? ([budgets['code-device'], look.device_guesses] as const)
    : ([budgets['code-account'], look.account_guesses] as const)
  return waitFor(budget, { log: log ?? '', streak: 0 }, now)
}
