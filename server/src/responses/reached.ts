import { createHash } from 'node:crypto'
import type { App } from '../context.ts'
import type { NewEvent } from '../store/events.ts'
import { moment } from '../wire/reply.ts'
import type { Standing } from './caps.ts'

/**
 * A limit refused a call: a program of the operator's hears of it once in its day or month, and again when it was raised.
 * All that is done here is to remember it; a server that dies before it is written hears of it at the next refusal.
 */
export function noteReached(
  { reached }: Pick<App, 'reached'>,
  userId: string,
  { level, owner, limit, used, most, resetsAt }: Standing,
  now: number,
): void {
  const name = `${level} ${owner} ${limit} ${most} ${resetsAt}`
  if (reached.has(name)) return
  reached.set(name, {
    id: `evt_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`,
    happened_at: now,
    step: 5,
    type: 'budget.reached',
    user_id: userId,
    subject_id: level === 'person' ? null : owner,
    facts: JSON.stringify({ level, limit, used, most, resets_at: moment(resetsAt) }),
  })
}

/** Writes what was remembered; of many servers that saw the same, one does. */
export async function tellReached({ reached, store }: App): Promise<void> {
  const waiting = [...reached.entries()].filter((entry): entry is [string, NewEvent] => !!entry[1])
  if (waiting.length === 0) return
  await store.events.tell(waiting.map(([, event]) => event))
  for (const [name] of waiting) reached.set(name, false)
}
