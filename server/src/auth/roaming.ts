import type { Call } from '../context.ts'
import type { LiveSessionRow } from '../store/sessions.ts'
import { allowed } from './audit.ts'
import { noticeOf } from './notice.ts'
import { isElsewhere } from './place.ts'
import { forgetSession } from './session.ts'

/**
 * A refresh token that is used from another network and with another kind of program than its session began with
 * may be a copy: the owner is told, once for each session.
 */
export async function noticeRoaming(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  session: LiveSessionRow,
): Promise<void> {
  const { app, origin } = call
  const { id, user_id: userId, address, place, roamed_at } = session
  if (place === null || roamed_at !== null || !isElsewhere(place, origin)) return
  const told = noticeOf(call, { id: userId, address }, 'session-moved')
  const event = allowed(call, 'session.moved', { userId, subjectId: id })
  if (await app.store.sessions.roam(id, told, event)) app.outbox.poke()
  forgetSession(app, id)
}
