import { randomBytes } from 'node:crypto'
import pg from 'pg'

export interface SpareDatabases {
  /** The name of a database that is as the template was, for one scene. */
  take(): Promise<string>
  /** Who is still connected loses it. It is emptied and waits, under a name that nobody knew, for a scene of any file. */
  giveBack(name: string): Promise<void>
}

/** What a scene's database is to have when it is given back, beside no rows: all but the sizes. */
const SHAPE = `SELECT md5(string_agg(part, ' ' ORDER BY part)) AS shape FROM (
  SELECT concat_ws(' ', oid, relname, relkind, reloptions) AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', attrelid, attname, atttypid, attnotnull, atthasdef) FROM pg_attribute
    WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
  UNION ALL SELECT concat_ws(' ', oid, conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', oid, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', oid, proname, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', setrole, setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())) AS parts`

/** The tables that were written to: one that is as new has no page. */
const WRITTEN = `SELECT array_agg(quote_ident(relname)) AS written FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations'
    AND pg_relation_size(oid) > 0`

/** The list of those that wait, and what each of them has to look like. */
export async function prepareSpareDatabases(server: string, template: string): Promise<void> {
  const { shape, written } = await asking(addressOf(server, template), look)
  if (written)
    throw new Error(`A new database is not empty, its scenes would be: ${written.join(', ')}`)
  await asking(server, async (client) => {
    await client.query('CREATE TABLE spare (name TEXT PRIMARY KEY)')
    await client.query('CREATE TABLE spare_shape AS SELECT CAST($1 AS TEXT) AS shape', [shape])
  })
}

/**
 * Databases that are used again, by all files of a run: to make one and to drop it costs much more than to empty it.
 * One that is otherwise changed than in its rows is dropped.
 */
export function spareDatabases(server: string, template: string): SpareDatabases {
  const admin = new pg.Pool({
    connectionString: server,
    max: 1,
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
  })
  admin.on('error', () => {})
  const drop = (name: string) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
  return {
    async take() {
      const { rows } = await admin.query(
        'DELETE FROM spare WHERE name = (SELECT name FROM spare LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING name',
      )
      if (rows[0]) return String(rows[0].name)
      const name = newName()
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
      return name
    },
    async giveBack(name) {
      const next = newName()
      await admin.query(
        'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1',
        [name],
      )
      try {
        await admin.query(`ALTER DATABASE ${name} RENAME TO ${next}`)
      } catch {
        // Somebody came back.
        await drop(name)
        return
      }
      const shape = await asking(addressOf(server, next), emptied)
      const kept = await admin.query(
        'INSERT INTO spare SELECT CAST($1 AS TEXT) FROM spare_shape WHERE shape = $2',
        [next, shape],
      )
      if (!kept.rowCount) await drop(next)
    },
  }
}

interface Look {
  readonly shape: string
  readonly written: readonly string[] | null
}

async function look(client: pg.Client): Promise<Look> {
  const { rows } = await client.query<Look>(`SELECT * FROM (${SHAPE}) AS s, (${WRITTEN}) AS w`)
  const [found] = rows
  if (!found) throw new Error('PostgreSQL says nothing of itself')
  return found
}

/** Deletes all rows; answers the shape, or null where a table did not become as new. */
async function emptied(client: pg.Client): Promise<string | null> {
  const { shape, written } = await look(client)
  if (!written) return shape
  // A replica's tables heed no trigger and no reference. To truncate them, and all that refers to them, costs ten times as much.
  const deletions = written.map((table) => `DELETE FROM ${table}`)
  await client.query(`SET session_replication_role = replica; ${deletions.join(';')}`)
  // In the holes of a table that was only emptied new rows would lie in another order.
  await client.query(`VACUUM (PROCESS_TOAST FALSE) ${written.join(', ')}`)
  const { rows } = await client.query<Pick<Look, 'written'>>(WRITTEN)
  return rows[0]?.written ? null : shape
}

async function asking<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await ask(client)
  } finally {
    await client.end()
  }
}

const addressOf = (server: string, name: string) => server.replace(/\/[^/]*$/, `/${name}`)

const newName = () => `freddy_${randomBytes(6).toString('hex')}`
