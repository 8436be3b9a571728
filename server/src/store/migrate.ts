import { readdirSync, readFileSync } from 'node:fs'
import type { Database } from './database.ts'

const folder = new URL('./migrations/', import.meta.url)

/** What a migration says of servers that do not know it: those that know this version go on beside it. */
const beside = /^-- Runs with servers from (\d{4}) on\.$/m

/**
 * Brings a database to the newest schema; the versions that this call applied. One that is ahead of this server is
 * refused unless all that is ahead says that this server may go on: its rows may mean what this server does not know.
 */
export async function migrate(database: Database): Promise<string[]> {
  const versions = knownVersions()
  const there = await appliedVersions(database)
  const applied: string[] = []
  for (const version of versions.filter((each) => !there.includes(each))) {
    if (await apply(database, version)) applied.push(version)
  }
  await refuseStrange(database, versions)
  return applied
}

/** What stands below `-- only SQLite` or `-- only PostgreSQL` is for that one: triggers have no common spelling. */
export function scriptFor(engine: Database['engine'], version: string): string {
  const [both = '', ...parts] = scriptOf(version).split(/^-- only (?=SQLite$|PostgreSQL$)/m)
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

/** None where there is no such table yet; a database that does not answer says so to the first migration. */
async function appliedVersions(database: Database): Promise<string[]> {
  const rows = await database
    .read<{ version: string }>('SELECT version FROM schema_migrations')
    .catch(() => [])
  return rows.map(({ version }) => version)
}

async function apply(database: Database, version: string): Promise<boolean> {
  const script = scriptFor(database.engine, version)
  const [, from] = beside.exec(script) ?? []
  const note = from
    ? `UPDATE schema_migrations SET servers_from = '${from}' WHERE version = '${version}';\n`
    : ''
  try {
    return await database.migrate(version, script + note)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'the database did not say why'
    throw new Error(`Schema ${version} was not made, and nothing of it was kept: ${reason}`, {
      cause,
    })
  }
}

async function refuseStrange(database: Database, known: readonly string[]): Promise<void> {
  const ours = known.at(-1) ?? ''
  const rows = await database.read<{ version: string; servers_from: string | null }>(
    'SELECT version, servers_from FROM schema_migrations ORDER BY version DESC',
  )
  const strange = rows.filter(({ version }) => !known.includes(version))
  const refusing = strange.find(({ servers_from }) => servers_from === null || servers_from > ours)
  if (!refusing) return
  const { version, servers_from } = refusing
  throw new Error(
    `The database is at schema ${version}, for servers from ${servers_from ?? version} on; this one knows ${ours}: start a newer server`,
  )
}

const scriptOf = (version: string) => readFileSync(new URL(`${version}.sql`, folder), 'utf8')
