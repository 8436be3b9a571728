import { type AuditEvent, recordEvent } from './audit.ts'
import type { Statement } from './database.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import type { Guard } from './sql.ts'

/** What a change of a person's factors leaves behind beside the change: its event, and a letter to the owner. */
export interface FactorChange {
  readonly event: AuditEvent
  readonly letter: NewLetter | null
}

export function tellChange({ event, letter }: FactorChange, guard: Guard): Statement[] {
  return [...(letter ? [queueLetter(letter, guard)] : []), recordEvent(event, guard)]
}

/** Changes and uses of one person's factors happen one after another: each holds the person's row first. */
export function holdUser(userId: string): Statement {
  return {
    sql: 'UPDATE users SET updated_at = updated_at WHERE id = :user',
    params: { user: userId },
  }
}
