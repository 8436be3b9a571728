import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'
import { tellKeysRevoked } from './events.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import type { Guard } from './sql.ts'

export interface KeyEnds {
  /** True for the one that revoked it; what its owner is to know goes out with that, or not at all. */
  revoke(
    id: string,
    userId: string,
    event: AuditEvent,
    letters?: readonly NewLetter[],
  ): Promise<boolean>
}

export function createKeyEnds(database: Database): KeyEnds {
  return {
    async revoke(id, userId, event, letters = []) {
      const params = { id, user: userId }
      const live: Guard = {
        sql: `EXISTS (SELECT 1 FROM api_keys
          WHERE id = :ending AND user_id = :owner AND revoked_at IS NULL)`,
        params: { ending: id, owner: userId },
      }
      const results = await database.batch([
        // Held first, so that of two at once the second finds it ended.
        {
          sql: 'UPDATE api_keys SET user_id = user_id WHERE id = :id AND user_id = :user',
          params,
        },
        ...letters.map((letter) => queueLetter(letter, live)),
        recordEvent(event, live),
        {
          sql: `UPDATE api_keys SET revoked_at = :now
            WHERE id = :id AND user_id = :user AND revoked_at IS NULL RETURNING id`,
          params: { ...params, now: event.happenedAt },
          also: [tellKeysRevoked(event.happenedAt, { sql: 'id = :id', params: { id } })],
        },
      ])
      return (results.at(-1)?.length ?? 0) > 0
    },
  }
}
