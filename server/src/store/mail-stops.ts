import type { Database } from './database.ts'

/** Mailboxes whose readers want no letters to strangers: keyed hashes, so that no list of addresses comes about. */
export interface MailStopStore {
  isStopped(ids: readonly string[], now: number): Promise<boolean>
  stop(id: string, now: number, expiresAt: number): Promise<void>
  resume(id: string): Promise<void>
}

export function createMailStopStore(database: Database): MailStopStore {
  return {
    async isStopped(ids, now) {
      const names = ids.map((_, index) => `:id_${index}`).join(', ')
      const params = Object.fromEntries(ids.map((id, index) => [`id_${index}`, id]))
      const rows = await database.read(
        `SELECT id FROM mail_stops WHERE id IN (${names}) AND expires_at > :now`,
        { ...params, now },
      )
      return rows.length > 0
    },
    async stop(id, now, expires) {
      await database.write(
        `INSERT INTO mail_stops (id, created_at, expires_at) VALUES (:id, :now, :expires)
         ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
        { id, now, expires },
      )
    },
    async resume(id) {
      await database.write('DELETE FROM mail_stops WHERE id = :id', { id })
    },
  }
}
