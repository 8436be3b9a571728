import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '../../server/src/store/migrate.ts'
import { openPostgres } from '../../server/src/store/postgres.ts'
import { openSqlite } from '../../server/src/store/sqlite.ts'
import type { Postgres } from './postgres.ts'
import { prepareSpareDatabases } from './spare-databases.ts'

const TEMPLATE = 'freddy_template'

/** What every scene begins with, made once: empty databases at the newest schema, to be copied. In words for the tests. */
export async function prepareSceneDatabases({ url }: Pick<Postgres, 'url'>) {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-scenes-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'freddy.db')
  const sqlite = await openSqlite({ path: file })
  await migrate(sqlite)
  await sqlite.close()

  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE DATABASE ${TEMPLATE}`)
  await client.end()
  const postgres = await openPostgres({ url: url.replace(/\/[^/]*$/, `/${TEMPLATE}`) })
  await migrate(postgres)
  await postgres.close()
  await prepareSpareDatabases(url, TEMPLATE)
  return { TEST_SQLITE_TEMPLATE: file, TEST_POSTGRES_TEMPLATE: TEMPLATE }
}
