import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type SpareDatabases, spareDatabases } from '../../scripts/testing/spare-databases.ts'
import type { Database } from '../src/store/database.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openSqlite } from '../src/store/sqlite.ts'
import { lateDatabase } from './late-database.ts'

let spares: SpareDatabases | undefined

export interface Place {
  readonly database: Database
  /** A PostgreSQL address, or the path of a SQLite file. */
  readonly url: string
  /** Another connection to the same data. */
  reopen(): Promise<Database>
  drop(): Promise<void>
}

/** Both databases: a scene gets its own, at the newest schema; `openEmpty` is for those about schemas. */
export const databases = [
  { name: 'SQLite', open: copySqlite, openEmpty: () => openFreshSqlite() },
  { name: 'PostgreSQL', open: copyPostgres, openEmpty: () => openFreshPostgres() },
] as const satisfies readonly {
  name: Database['engine']
  open(): Promise<Place>
  openEmpty(): Promise<Place>
}[]

async function copySqlite(): Promise<Place> {
  const { TEST_SQLITE_TEMPLATE: template } = process.env
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const url = join(folder, 'freddy.db')
  if (template) copyFileSync(template, url)
  return sqliteIn(
    folder,
    url,
    lateDatabase('SQLite', () => openSqlite({ path: url })),
  )
}

async function openFreshSqlite(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const url = join(folder, 'freddy.db')
  return sqliteIn(folder, url, await openSqlite({ path: url }))
}

const sqliteIn = (folder: string, url: string, database: Database): Place => ({
  database,
  url,
  reopen: () => openSqlite({ path: url }),
  async drop() {
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  },
})

async function copyPostgres(): Promise<Place> {
  const { TEST_POSTGRES_URL: server, TEST_POSTGRES_TEMPLATE: template } = process.env
  if (!server || !template) return openFreshPostgres(server)
  spares ??= spareDatabases(server, template)
  const { take, giveBack } = spares
  const name = await take()
  const url = server.replace(/\/[^/]*$/, `/${name}`)
  const database = lateDatabase('PostgreSQL', () => openPostgres({ url, poolSize: 2 }))
  return {
    database,
    url,
    reopen: () => openPostgres({ url }),
    async drop() {
      await database.close()
      await giveBack(name)
    },
  }
}

/** A database of its own on the tests' PostgreSQL, or on another. */
export async function openFreshPostgres(server = process.env.TEST_POSTGRES_URL): Promise<Place> {
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the tests by `npm test`')
  const name = `freddy_${randomBytes(6).toString('hex')}`
  await command(server, `CREATE DATABASE ${name}`)
  const url = server.replace(/\/[^/]*$/, `/${name}`)
  const database = await openPostgres({ url, poolSize: 2 })
  return {
    database,
    url,
    reopen: () => openPostgres({ url }),
    async drop() {
      await database.close()
      await command(server, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function command(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
