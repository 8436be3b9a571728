import { type Static, Type } from 'typebox'
import { factorChange, requireFreshUser } from '../auth/factor-change.ts'
import { describePasskey, PasskeyAnswer } from '../auth/passkey.ts'
import {
  newRecoveryCode,
  RECOVERY_CODES,
  recoveryHashes,
  spellRecoveryCode,
} from '../auth/recovery-code.ts'
import { methodsOf, spellTotp } from '../auth/second-step.ts'
import { newTotpSecret, sealTotp, TOTP_SHAPE, totpStep, totpUri, unsealTotp } from '../auth/totp.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { StepCode, strict } from '../wire/body.ts'
import { Moment, momentOrNull, OrNull } from '../wire/reply.ts'

export const ConfirmTotpBody = Type.Object({ verification_code: StepCode }, strict)

export const FactorsAnswer = Type.Object({
  methods: Type.Array(Type.String()),
  totp_since: OrNull(Moment),
  recovery_codes_left: Type.Integer(),
  passkeys: Type.Array(PasskeyAnswer),
})

export const NewTotpAnswer = Type.Object({
  secret: Type.String({ description: 'Base32, to be typed where no QR code can be read' }),
  uri: Type.String({ description: 'What the QR code says' }),
  algorithm: Type.String(),
  digits: Type.Integer(),
  period: Type.Integer({ description: 'Seconds' }),
})

export const RecoveryCodesAnswer = Type.Object({
  recovery_codes: Type.Array(Type.String(), { description: 'Shown here once and never again' }),
})

/** The ways of the caller to pass the second step. Looking changes nothing, so any session may. */
export async function showFactors({ app, principal }: Call): Promise<Static<typeof FactorsAnswer>> {
  const userId = principal?.userId ?? ''
  const row = await app.store.factors.find(userId)
  if (!row) throw new ApiError('TOKEN_INVALID')
  return {
    methods: await methodsOf(app, userId),
    totp_since: momentOrNull(row.totp_at),
    recovery_codes_left: row.recovery_codes,
    passkeys: (await app.store.passkeys.list(userId)).map(describePasskey),
  }
}

/** Makes a secret that counts from its confirmation on; asked again before that, another one. */
export async function beginTotp(call: Call): Promise<Static<typeof NewTotpAnswer>> {
  const { app, now } = call
  const user = await requireFreshUser(call)
  const secret = newTotpSecret()
  const begun = await app.store.factors.beginTotp(user.id, sealTotp(app, user.id, secret), now)
  if (!begun) throw new ApiError('FACTOR_EXISTS')
  return { secret, uri: totpUri(app, user.address, secret), ...TOTP_SHAPE }
}

/** Whoever can read the app's code has the secret in it: from now on it passes the second step. */
export async function confirmTotp(
  call: Call<Static<typeof ConfirmTotpBody>>,
): Promise<Static<typeof FactorsAnswer>> {
  const { app, body, now } = call
  const user = await requireFreshUser(call)
  const code = spellTotp(body.verification_code)
  const row = await app.store.factors.findTotp(user.id)
  if (!row || row.confirmed_at !== null) throw new ApiError('RESOURCE_NOT_FOUND')
  const secret = unsealTotp(app, user.id, row.sealed)
  const step = secret && totpStep(secret, code, now, row.last_step)
  if (!step) throw wrongCode()
  const change = await factorChange(call, user, 'factor.added', 'totp-added')
  if (!(await app.store.factors.confirmTotp(row, step, change))) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  app.outbox.poke()
  return showFactors(call)
}

export async function removeTotp(call: Call): Promise<Static<typeof FactorsAnswer>> {
  const { app } = call
  const user = await requireFreshUser(call)
  const change = await factorChange(call, user, 'factor.removed', 'totp-removed')
  if (!(await app.store.factors.removeTotp(user.id, change))) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  app.outbox.poke()
  return showFactors(call)
}

/** Makes codes for the day on which nothing else is at hand. Their text is answered here and kept nowhere. */
export async function replaceRecoveryCodes(
  call: Call,
): Promise<Static<typeof RecoveryCodesAnswer>> {
  const { app } = call
  const user = await requireFreshUser(call)
  const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode)
  const hashes = codes.map((code) => {
    const [hash = ''] = recoveryHashes(app, user.id, spellRecoveryCode(code) ?? '')
    return hash
  })
  const change = await factorChange(call, user, 'recovery-codes.made', 'recovery-codes-made')
  await app.store.factors.replaceRecoveryCodes(user.id, hashes, change)
  app.outbox.poke()
  return { recovery_codes: codes }
}

/** Not a 401: the token is fine, and a client would renew it. There is nothing to guess here. */
function wrongCode(): ApiError {
  const field = 'verification_code'
  const message = 'is not the code that the app shows now'
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
