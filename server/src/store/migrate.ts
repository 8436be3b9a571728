import { readdirSync, readFileSync } from 'node:fs'
import type { Database } from './database.ts'

const folder = new URL('./migrations/', import.meta.url)

/**
 * Brings a database to the newest schema; the versions that this call applied. A database that is ahead of this
 * server is refused: its rows may mean what this server does not know.
 */
export async function migrate(database: Database): Promise<string[]> {
  const versions = knownVersions()
  const applied: string[] = []
  for (const version of versions) {
    const script = scriptFor(database.engine, scriptOf(version))
    if (await database.migrate(version, script)) applied.push(version)
  }
  await refuseNewer(database, versions.at(-1) ?? '')
  return applied
}

/** What stands below `-- only SQLite` or `-- only PostgreSQL` is for that one: triggers have no common spelling. */
function scriptFor(engine: Database['engine'], script: string): string {
  const [both = '', ...parts] = script.split(/^-- only (?=SQLite$|PostgreSQL$)/m)
  const mine = parts.filter((part) => part.startsWith(`${engine}\n`))
  return both + mine.map((part) => part.slice(engine.length)).join('')
}

/** Every version this server knows, oldest first. */
export function knownVersions(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.replace(/\.sql$/, ''))
    .sort()
}

/** Every table in the order in which they were made: what a row points at comes before it. */
export function knownTables(): string[] {
  const scripts = knownVersions().map(scriptOf).join('\n')
  const named = (words: string) =>
    [...scripts.matchAll(new RegExp(`^${words} (\\w+)`, 'gm'))].map(([, table = '']) => table)
  const gone = named('DROP TABLE')
  return named('CREATE TABLE').filter((table) => !gone.includes(table))
}

/** Whether a version rewrites rows: then rows from before it are not as they should be after it. */
export function rewritesRows(version: string): boolean {
  return /^\s*(UPDATE|INSERT|DELETE|DROP TABLE)\b/im.test(scriptOf(version))
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

const scriptOf = (version: string) => readFileSync(new URL(`${version}.sql`, folder), 'utf8')
