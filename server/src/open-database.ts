import { join } from 'node:path'
import type { Config } from './config.ts'
import { makeDataDir } from './data-dir.ts'
import type { Database } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { openSqlite } from './store/sqlite.ts'

/** The database that the configuration names, at the newest schema. The only place that chooses one. */
export async function openDatabase(
  config: Config,
  patience: 'short' | 'long' = 'short',
): Promise<Database> {
  makeDataDir(config)
  const { databaseUrl: url, databaseConnections: poolSize } = config
  const database = url
    ? await openPostgres({ url, poolSize, patience })
    : await openSqlite({ path: join(config.dataDir, 'freddy.db') })
  await migrate(database)
  return database
}

/** Its client is loaded by those who use it: it would be a part of each start, and stay in memory. */
async function openPostgres(
  options: Parameters<typeof import('./store/postgres.ts').openPostgres>[0],
): Promise<Database> {
  const postgres = await import('./store/postgres.ts')
  return postgres.openPostgres(options)
}
