import type { Database } from './database.ts'

export interface DeviceStore {
  /** True while the device was used by this person after that moment and nobody ended it. */
  isKnown(id: string, userId: string, usedAfter: number): Promise<boolean>
}

export function createDeviceStore(database: Database): DeviceStore {
  return {
    async isKnown(id, userId, usedAfter) {
      const rows = await database.read(
        `SELECT id FROM devices
         WHERE id = :id AND user_id = :user AND ended_at IS NULL AND last_used_at > :after`,
        { id, user: userId, after: usedAfter },
      )
      return rows.length > 0
    },
  }
}
