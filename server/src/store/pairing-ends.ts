import type { Statement } from './database.ts'
import type { Guard } from './sql.ts'

/** Devices that were let in and have not come yet; the session that did it may be over. */
export const letIn = 'allowed_at IS NOT NULL AND denied_at IS NULL AND consumed_at IS NULL'

/** Turns them away. The guard has `now` among its parameters. */
export function denyPairings({ sql, params }: Guard): Statement {
  return { sql: `UPDATE pairings SET denied_at = :now WHERE ${letIn} AND ${sql}`, params }
}
