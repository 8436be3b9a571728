import type { App, Call } from '../context.ts'
import { events, subjectOf, tellings } from '../events.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { NewEvent } from '../store/events.ts'
import { personalDigest } from './audit-chain.ts'
import { randomBytes, timedId } from './random.ts'

export interface Decision {
  readonly reason?: string
  readonly userId?: string | null
  readonly subjectId?: string | null
  /** Who did it, where it is not the person it is about. */
  readonly actor?: string | null
  /** What programs of the operator's hear beside the ids, as far as events.ts lists it; the trail keeps none of it. */
  readonly facts?: Facts
}

export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

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
  return describe({ now, origin: nowhere }, event, 'refused', {})
}

/** Somebody asked who is nobody yet, and may turn out to be a person whose places are to go with them: it names none. */
export function asked(now: number, event: string, subjectId: string): AuditEvent {
  return describe({ now, origin: nowhere }, event, 'allowed', { subjectId })
}

/** A letter to somebody was refused: by a mail server, and not from where it was asked for. */
export function undeliverable(now: number, event: string, userId: string): AuditEvent {
  return describe({ now, origin: nowhere }, event, 'refused', { userId })
}

/** Somebody went: where from is part of what goes. */
export function departed(now: number, userId: string): AuditEvent {
  const about = { userId, subjectId: userId }
  return describe({ now, origin: nowhere }, 'user.deleted', 'allowed', about)
}

/** Records a refusal that changes nothing else. */
export async function recordRefusal(
  call: Pick<Call, 'now' | 'origin'> & { readonly app: App },
  event: string,
  about: Decision,
): Promise<void> {
  await call.app.store.audit.record(refused(call, event, about))
}

interface Place {
  readonly source: string | null
  readonly agent: string | null
}

const nowhere: Place = { source: null, agent: null }

function describe(
  { now, origin }: { readonly now: number; readonly origin: Place },
  event: string,
  outcome: AuditEvent['outcome'],
  decision: Decision,
): AuditEvent {
  const { reason = undefined, userId = null, subjectId = null, actor = null } = decision
  const { source, agent } = origin
  const salt = randomBytes(16).toString('base64url')
  const id = timedId('evt_', now)
  return {
    id,
    happenedAt: now,
    event,
    outcome,
    reason: reason ?? null,
    userId,
    subjectId,
    source,
    agent,
    salt,
    digest: personalDigest(salt, source, agent),
    actor,
    tells: outcome === 'allowed' ? tellingsOf(id, now, event, decision) : [],
  }
}

/** The first has the id of its line in the trail. */
function tellingsOf(
  id: string,
  now: number,
  event: string,
  { userId = null, subjectId = null, actor = null, facts = {} }: Decision,
): NewEvent[] {
  return (tellings[event] ?? []).map((type, index) => ({
    id: index === 0 ? id : timedId('evt_', now),
    happened_at: now,
    step: steps[type] ?? MIDDLE,
    type,
    user_id: userId,
    subject_id: subjectOf(type) === null ? null : subjectId,
    facts: listed(events[type][1], { ...(actor === null ? {} : { actor }), ...facts }),
  }))
}

function listed(names: readonly string[], facts: Facts): string | null {
  const told = Object.entries(facts).filter(([name]) => names.includes(name))
  return told.length > 0 ? JSON.stringify(Object.fromEntries(told)) : null
}

/** The order of what happened in one moment. */
const MIDDLE = 5
const steps: Readonly<Record<string, number>> = { 'user.created': 0, 'user.deleted': 9 }
