import type { Database } from './database.ts'

/** When the last backup was made, in milliseconds, as `backup` notes it. */
export const BACKUP_SETTING = 'backup_at'

/** What the server itself has to remember. */
export interface SettingStore {
  find(name: string): Promise<string | null>
  /** The value that stands: ours when there was none. */
  keepFirst(name: string, value: string): Promise<string>
  put(name: string, value: string): Promise<void>
  /** Writes a moment, in the connection that is kept for it: whether anything can be written. */
  proveWritable(now: number): Promise<void>
}

const put = `INSERT INTO settings (name, value) VALUES (:name, :value)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`

export function createSettingStore(database: Database): SettingStore {
  const find = async (name: string) => {
    const sql = 'SELECT value FROM settings WHERE name = :name'
    const [row] = await database.read<{ value: string }>(sql, { name })
    return row?.value ?? null
  }
  return {
    find,
    async keepFirst(name, value) {
      await database.write(
        'INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING',
        { name, value },
      )
      return (await find(name)) ?? value
    },
    async put(name, value) {
      await database.write(put, { name, value })
    },
    async proveWritable(now) {
      await database.aside.write(put, { name: 'ready_at', value: String(now) })
    },
  }
}
