import { readdirSync, readFileSync } from 'node:fs'
import type { Database } from './database.ts'

const folder = new URL('./migrations/', import.meta.url)

/**
 * Brings a database to the newest schema; the versions that this call applied. A database that is ahead of this
 * server is refused: its rows may mean what this server does not know.
 */
export async function migrate(database: Database): Promise<string[]> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const applied: string[] = []
  for (const file of files) {
    const script = readFileSync(new URL(file, folder), 'utf8')
    if (await database.migrate(versionOf(file), script)) applied.push(versionOf(file))
  }
  await refuseNewer(database, versionOf(files.at(-1) ?? ''))
  return applied
}

async function refuseNewer(database: Database, ours: string): Promise<void> {
  const rows = await database.read<{ version: string }>(
    'SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 1',
  )
  const newest = rows[0]?.version ?? ''
  if (newest > ours) {
    throw new Error(
      `The database is at schema ${newest}, this server knows ${ours}: start a newer server`,
    )
  }
}

const versionOf = (file: string) => file.replace(/\.sql$/, '')
