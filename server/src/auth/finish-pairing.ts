import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { PairingRow } from '../store/pairings.ts'
import type { Told } from '../store/told.ts'
import { strict, Token } from '../wire/body.ts'
import {
  accessFields,
  moment,
  RefreshTokenFields,
  refreshFields,
  TokenFields,
} from '../wire/reply.ts'
import { allowed } from './audit.ts'
import { newDeviceId } from './device.ts'
import { noticeOf } from './notice.ts'
import { findPairing, requireAnswer } from './pairing.ts'
import { accessToken, newSession, refreshToken } from './session.ts'

export const PairedBody = Type.Object(
  {
    grant_type: Type.Literal('urn:ietf:params:oauth:grant-type:device_code'),
    device_code: Token,
    client_id: Type.Optional(Type.String({ maxLength: 64 })),
  },
  strict,
)

export const PairedAnswer = Type.Object({ ...TokenFields, ...RefreshTokenFields })

/** Whether its person has answered; once they allowed it, a session starts, exactly once (RFC 8628, section 3.4). */
export async function finishPairing(
  call: Call<Static<typeof PairedBody>>,
): Promise<Static<typeof PairedAnswer>> {
  const { app, body, now } = call
  const pairing = await findPairing(app, body.device_code)
  await requireAnswer(app, pairing, now)
  const started = await startSession(call, pairing)
  if (started) return started
  // Another poll was faster, or what allowed it stands no more.
  await findPairing(app, body.device_code)
  throw new ApiError('ACCESS_DENIED')
}

async function startSession(
  call: Call,
  pairing: PairingRow,
): Promise<Static<typeof PairedAnswer> | null> {
  const { app, now } = call
  const { id, user_id: userId, amr } = pairing
  if (!userId) return null
  const said = { name: pairing.name, platform: pairing.platform, location: pairing.location }
  // No proof was shown on this device: it says so wherever the proof counts.
  const ways = [...(amr?.split(' ') ?? []), 'device']
  const device = { id: newDeviceId(), known: false }
  const { session, refreshId } = newSession(call, userId, device, said, ways)
  const facts = { expires_at: moment(session.expiresAt) }
  const about = { userId, subjectId: session.id, reason: id, facts }
  const event = allowed(call, 'pairing.verified', about)
  const ifNew = await newDeviceNotice(call, userId)
  if (!(await app.store.pairings.consume({ id, session, event, ifNew }))) return null
  if (ifNew) app.outbox.poke()
  const { token, expiresIn } = accessToken(app, session, now)
  return {
    ...accessFields(token, expiresIn, session.id),
    ...refreshFields(refreshToken(app, session, refreshId, now)),
  }
}

/** What the owner reads when the device is at a new place. */
async function newDeviceNotice(call: Call, userId: string): Promise<Told | null> {
  const user = await call.app.store.users.find(userId)
  return user ? noticeOf(call, user, 'new-device') : null
}
