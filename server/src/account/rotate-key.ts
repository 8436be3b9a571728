import { type Static, Type } from 'typebox'
import { apiKeyEnds, apiKeyHashes, forgetApiKey, newApiKey } from '../auth/api-key.ts'
import { allowed } from '../auth/audit.ts'
import { hasEnded, keyEnded } from '../auth/key-life.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { strict } from '../wire/body.ts'
import { OrNull } from '../wire/reply.ts'
import {
  ApiKeyAnswer,
  type ApiKeyParams,
  requireKey,
  requireNoChild,
  tellKey,
} from './key-answer.ts'

const DAY = 86_400_000
const STANDARD_OVERLAP_DAYS = 7

export const RotateBody = Type.Object(
  {
    overlap_days: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 30, description: 'How long the old secret goes on' }),
    ),
    end_when_silent: Type.Optional(
      OrNull(
        Type.Integer({
          minimum: 3600,
          maximum: 30 * 86_400,
          description: 'Seconds without a call after which the old secret ends sooner',
        }),
      ),
    ),
  },
  strict,
)

export const RotatedAnswer = Type.Object({
  ...ApiKeyAnswer.properties,
  key: Type.String({ description: 'Shown here once and never again' }),
})

/** Gives a key another secret. Whoever uses the old one goes on for a while, and is told that it ends. */
export async function rotateApiKey(
  call: Call<Static<typeof RotateBody>, Static<typeof ApiKeyParams>>,
): Promise<Static<typeof RotatedAnswer>> {
  const { app, body, params, now } = call
  const { userId } = requireStrongSession(call)
  const row = await requireKey(call, params.id, userId)
  if (hasEnded(row, now)) throw keyEnded()
  requireNoChild(row)
  const key = newApiKey()
  const [hash = ''] = apiKeyHashes(app.keyring, key)
  const overlapMs = (body.overlap_days ?? STANDARD_OVERLAP_DAYS) * DAY
  const silence = body.end_when_silent ?? null
  const rotation = {
    ...{ id: row.id, userId, from: row.hash, hash, ...apiKeyEnds(key) },
    formerEndsAt: now + overlapMs,
    silenceMs: silence === null ? null : silence * 1000,
  }
  const event = allowed(call, 'key.rotated', { userId, subjectId: row.id })
  if (!(await app.store.apiKeys.rotate(rotation, event))) {
    const reason = 'rotated_meanwhile'
    throw new ApiError('OPERATION_NOT_ALLOWED', { details: { reason } })
  }
  forgetApiKey(app, row.id)
  return { ...(await tellKey(call, row.id, userId)), key }
}
