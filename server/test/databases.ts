import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Database } from '../src/store/database.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openSqlite } from '../src/store/sqlite.ts'

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

function copySqlite(): Promise<Place> {
  return openFreshSqlite(process.env.TEST_SQLITE_TEMPLATE)
}

async function openFreshSqlite(template?: string): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const url = join(folder, 'freddy.db')
  if (template) copyFileSync(template, url)
  const database = await openSqlite({ path: url })
  return {
    database,
    url,
    reopen: () => openSqlite({ path: url }),
    async drop() {
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function copyPostgres(): Promise<Place> {
  return openFreshPostgres(process.env.TEST_POSTGRES_URL, process.env.TEST_POSTGRES_TEMPLATE)
}

/** A database of its own on the tests' PostgreSQL, or on another. */
export async function openFreshPostgres(
  server = process.env.TEST_POSTGRES_URL,
  template = 'template1',
): Promise<Place> {
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the tests by `npm test`')
  const name = `freddy_${randomBytes(6).toString('hex')}`
  await command(server, `CREATE DATABASE ${name} TEMPLATE ${template}`)
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
