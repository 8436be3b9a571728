import { Type } from 'typebox'
import { isCleanText } from './text.ts'

/** Whatever the verbs read from the wire is made of these. Nothing is coerced, nothing unknown is let through. */
const MOST_NAME = 64

const deviceFields = [
  'device',
  'platform',
  'operating_system',
  'device_id',
  'user_agent',
  'location',
  'latitude',
  'longitude',
] as const

const DeviceInformation = Type.Object(
  Object.fromEntries(
    deviceFields.map((name) => [name, Type.Optional(Type.String({ maxLength: 500 }))]),
  ) as Record<(typeof deviceFields)[number], ReturnType<typeof optionalText>>,
  { additionalProperties: false },
)

function optionalText() {
  return Type.Optional(Type.String({ maxLength: 500 }))
}

/** Fields of older clients, accepted everywhere in auth and never required (contract section 2). */
export const tolerated = {
  device_information: Type.Optional(DeviceInformation),
  device_info: Type.Optional(DeviceInformation),
  is_register: Type.Optional(Type.Boolean()),
}

export const EmailKey = Type.String({
  pattern: '^uuid-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'What login or register answered',
})

/** A JSON number or a string of exactly these digits; which length is right, only the key's holder learns. */
export const VerificationCode = Type.Union([
  Type.Integer({ minimum: 1000, maximum: 99_999_999 }),
  Type.String({ pattern: '^[1-9][0-9]{3,7}$' }),
])

/** The second step by whichever method; what a method takes of it, auth/second-step.ts says. */
export const StepCode = Type.Union(
  [Type.Integer({ minimum: 0, maximum: 99_999_999 }), Type.String({ pattern: '^[0-9]{4,8}$' })],
  {
    description:
      'By e-mail a number or string of just the mailed digits; by an authenticator app its 6 digits',
  },
)
export const RecoveryCode = Type.String({ minLength: 1, maxLength: 64 })

export const Password = Type.String({ minLength: 1, maxLength: 256 })
/** Names nobody with a NUL in it, and not every database can be asked for that. */
export const Identifier = Type.String({ minLength: 1, maxLength: 320, pattern: '^[^\\u0000]*$' })
export const Name = Type.String({ minLength: 1, maxLength: MOST_NAME })
export const Token = Type.String({ minLength: 1, maxLength: 4096 })
/** It goes into the ledger as it is: no control character and no half of a pair, which not every database keeps. */
export const ModelName = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]+$',
})

export const strict = { additionalProperties: false } as const

type Said = Partial<Record<(typeof deviceFields)[number], string>>

interface SaysDevice {
  readonly device_information?: Said
  readonly device_info?: Said
}

/** What the client says of its device, each cut to a name's length; null where it says nothing that can be shown. */
export function deviceSaid(body: SaysDevice) {
  const said: Said = { ...body.device_info, ...body.device_information }
  return {
    name: shown(said.device),
    platform: shown(said.platform ?? said.operating_system),
    location: shown(said.location),
  }
}

function shown(text: string | undefined): string | null {
  if (!text || !isCleanText(text)) return null
  return [...text].slice(0, MOST_NAME).join('')
}
