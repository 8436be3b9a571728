import type { Static } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { type DossierAnswer, tellDossier } from './dossier.ts'

/** Rows of one list in one answer; the operator's `users export` has no such end. */
const MOST_ROWS = 10_000

/** Everything that is kept about the caller; nothing in it opens anything. */
export async function exportPerson(call: Call): Promise<Static<typeof DossierAnswer>> {
  const { app, now } = call
  const { userId, sessionId } = requireStrongSession(call)
  await app.usage.flush()
  const told = await tellDossier(app, userId, MOST_ROWS, now)
  if (!told) throw new ApiError('TOKEN_INVALID')
  await app.store.audit.record(allowed(call, 'account.exported', { userId, subjectId: sessionId }))
  return told
}
