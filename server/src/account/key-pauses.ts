import type { Static } from 'typebox'
import { forgetApiKey } from '../auth/api-key.ts'
import { allowed } from '../auth/audit.ts'
import { hasEnded, keyEnded } from '../auth/key-life.ts'
import { requireSignedIn } from '../auth/principal.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { type ApiKeyAnswer, type ApiKeyParams, requireKey, tell } from './key-answer.ts'

type About = Call<unknown, Static<typeof ApiKeyParams>>
type Told = Static<typeof ApiKeyAnswer>

/** Lets a key open nothing until it is resumed. Paused again, it stays as it is. */
export async function pauseApiKey(call: About): Promise<Told> {
  const { app, params } = call
  const { userId } = requireSignedIn(call)
  const event = allowed(call, 'key.paused', {
    userId,
    subjectId: params.id,
    facts: { by: 'owner' },
  })
  await app.store.apiKeys.pauseOwn(params.id, userId, event)
  forgetApiKey(app, params.id)
  return tellLive(call, userId)
}

/** Takes its owner's pause back. What somebody else paused, they resume. */
export async function resumeApiKey(call: About): Promise<Told> {
  const { app, params } = call
  const { userId } = requireStrongSession(call)
  const event = allowed(call, 'key.resumed', {
    userId,
    subjectId: params.id,
    facts: { by: 'owner' },
  })
  await app.store.apiKeys.resumeOwn(params.id, userId, event)
  forgetApiKey(app, params.id)
  const told = await tellLive(call, userId)
  if (told.status !== 'paused') return told
  const reason = `paused_by_${told.paused_by}`
  throw new ApiError('OPERATION_NOT_ALLOWED', { details: { reason } })
}

async function tellLive(call: About, userId: string): Promise<Told> {
  const row = await requireKey(call, call.params.id, userId)
  const [told] = await tell(call, [row])
  if (!told || hasEnded(row, call.now)) throw keyEnded()
  return told
}
