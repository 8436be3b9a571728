import { type AuditEvent, recordEvent } from './audit.ts'
import type { Statement } from './database.ts'
import type { Guard } from './sql.ts'
import { type Told, tell } from './told.ts'

/** What a change of a person's factors leaves behind beside the change: its event, and a letter to the owner. */
export interface FactorChange extends Told {
  readonly event: AuditEvent
}

export function tellChange(change: FactorChange, guard: Guard): Statement[] {
  return [...tell(change, guard), recordEvent(change.event, guard)]
}

/** Changes and uses of one person's factors happen one after another: each holds the person's row first. */
export function holdUser(userId: string): Statement {
  return {
    sql: 'UPDATE users SET updated_at = updated_at WHERE id = :user',
    params: { user: userId },
  }
}
