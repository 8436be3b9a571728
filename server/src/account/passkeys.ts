import { type Static, Type } from 'typebox'
import { factorChange, requireFreshUser } from '../auth/factor-change.ts'
import {
  AttestationBody,
  describePasskey,
  openEnrolment,
  type PasskeyAnswer,
  readPasskey,
} from '../auth/passkey.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { PASSKEYS } from '../limits.ts'
import { Name, strict } from '../wire/body.ts'
import { isSafeName } from '../wire/text.ts'

export const PasskeyBody = Type.Object({ name: Name, passkey: AttestationBody }, strict)

export const PasskeyParams = Type.Object({ id: Type.String({ pattern: '^pkey_[0-9a-f]{32}$' }) })

export const DeletedPasskey = Type.Object({
  id: Type.String(),
  object: Type.Literal('passkey'),
  deleted: Type.Literal(true),
})

/** What the browser is to make a passkey from, within five minutes. */
export async function beginPasskey(call: Call): Promise<object> {
  const user = await requireFreshUser(call)
  return openEnrolment(call.app, user, call.now)
}

export async function createPasskey(
  call: Call<Static<typeof PasskeyBody>>,
): Promise<Static<typeof PasskeyAnswer>> {
  const { app, body, now } = call
  const user = await requireFreshUser(call)
  const name = body.name.trim()
  if (!isSafeName(name)) {
    throw unfit('name', 'a name without control characters or web addresses')
  }
  const read = await readPasskey(app, { userId: user.id, name, now }, body.passkey)
  if (!read) throw unfit('passkey', 'is not one for this site')
  const { passkey, challengeHashes } = read
  const change = await factorChange(call, user, 'factor.added', 'passkey-added', passkey.id)
  if (!(await app.store.passkeys.create(passkey, challengeHashes, change))) {
    const { length } = await app.store.passkeys.list(user.id)
    throw unfit(
      'passkey',
      length < PASSKEYS ? 'is too late or known; begin again' : 'is one too many',
    )
  }
  app.outbox.poke()
  return describePasskey({ ...passkey, last_used_at: null })
}

export async function removePasskey(
  call: Call<unknown, Static<typeof PasskeyParams>>,
): Promise<Static<typeof DeletedPasskey>> {
  const { app, params } = call
  const user = await requireFreshUser(call)
  const change = await factorChange(call, user, 'factor.removed', 'passkey-removed', params.id)
  if (!(await app.store.passkeys.remove(params.id, user.id, change))) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  app.outbox.poke()
  return { id: params.id, object: 'passkey', deleted: true }
}

function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
