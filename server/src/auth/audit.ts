import type { App, Call } from '../context.ts'
import type { AuditEvent } from '../store/audit.ts'
import { randomId } from './random.ts'

export interface Decision {
  readonly reason?: string
  readonly userId?: string | null
  readonly subjectId?: string | null
  /** Who did it, where it is not the person it is about. */
  readonly actor?: string | null
}

/** One event for each decision about who may come in (security rule 25). */
export function allowed(
  call: Pick<Call, 'now' | 'origin'>,
  event: string,
  about: Decision = {},
): AuditEvent {
  return describe(call, event, 'allowed', about)
}

export function refused(
  call: Pick<Call, 'now' | 'origin'>,
  event: string,
  about: Decision = {},
): AuditEvent {
  return describe(call, event, 'refused', about)
}

/** What was noticed of the place as a whole: it is nobody's, and comes from nowhere. */
export function suspected(now: number, event: string): AuditEvent {
  const call = { now, origin: { source: '', agent: '', address: '', network: null } }
  return { ...refused(call, event), source: null, agent: null }
}

/** Records a refusal that changes nothing else. */
export async function recordRefusal(
  call: Pick<Call, 'now' | 'origin'> & { readonly app: App },
  event: string,
  about: Decision,
): Promise<void> {
  await call.app.store.audit.record(refused(call, event, about))
}

function describe(
  { now, origin }: Pick<Call, 'now' | 'origin'>,
  event: string,
  outcome: AuditEvent['outcome'],
  { reason = undefined, userId = null, subjectId = null, actor = null }: Decision,
): AuditEvent {
  return {
    id: randomId('evt_'),
    happenedAt: now,
    event,
    outcome,
    reason: reason ?? null,
    userId,
    subjectId,
    source: origin.source,
    agent: origin.agent,
    actor,
  }
}
