import { Type } from 'typebox'

/** Answers in the words of the wire; inside, a challenge is no email_key and a session no device_id. */

export const TokenFields = {
  token: Type.String(),
  access_token: Type.String(),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  device_id: Type.String({ description: 'The session' }),
}

export const RefreshTokenFields = {
  refreshToken: Type.String(),
  refresh_token: Type.String(),
}

/** The fields of an access token, in both spellings (contract section 2). */
export function accessFields(token: string, expiresIn: number, sessionId: string) {
  return {
    token,
    access_token: token,
    token_type: 'bearer' as const,
    expires_in: expiresIn,
    device_id: sessionId,
  }
}

export function refreshFields(token: string) {
  return { refreshToken: token, refresh_token: token }
}

/** A moment as the wire has it: ISO 8601 with Z. */
export const moment = (ms: number) => new Date(ms).toISOString()

export const momentOrNull = (ms: number | null) => (ms === null ? null : moment(ms))

export const Moment = Type.String({ format: 'date-time' })
export const OrNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
