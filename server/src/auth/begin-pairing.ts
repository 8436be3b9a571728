import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { deviceSaid, strict, tolerated } from '../wire/body.ts'
import { isCleanText } from '../wire/text.ts'
import { baseAddress } from './link.ts'
import { openPairing } from './pairing.ts'
import { pairingPhrase } from './pairing-phrase.ts'

export const PairBody = Type.Object(
  {
    client_id: Type.Optional(
      Type.String({ maxLength: 64, description: 'What the program calls itself' }),
    ),
    scope: Type.Optional(Type.String({ maxLength: 500, description: 'Taken, and not needed' })),
    ...tolerated,
  },
  strict,
)

export const PairAnswer = Type.Object({
  device_code: Type.String(),
  user_code: Type.String({ description: 'What its person types at `verification_uri`' }),
  pairing_phrase: Type.String({ description: 'What the page shows too' }),
  verification_uri: Type.String(),
  verification_uri_complete: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds' }),
  interval: Type.Integer({ description: 'Seconds between two polls, at least' }),
})

/** A device without a browser or keys asks to be let in (RFC 8628, section 3.1). */
export async function beginPairing(
  call: Call<Static<typeof PairBody>>,
): Promise<Static<typeof PairAnswer>> {
  const { app, body, now } = call
  const said = deviceSaid(body)
  const named = body.client_id && isCleanText(body.client_id) ? body.client_id : null
  const { pairing, deviceCode, userCode } = await openPairing(call, {
    ...said,
    name: said.name ?? named,
  })
  const page = `${baseAddress(app)}/device`
  return {
    device_code: deviceCode,
    user_code: userCode,
    pairing_phrase: pairingPhrase(pairing.device_hash),
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${userCode}`,
    expires_in: (pairing.expires_at - now) / 1000,
    interval: pairing.interval_ms / 1000,
  }
}
