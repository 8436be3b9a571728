import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type pg from 'pg'
import {
  type Bulk,
  type Database,
  DatabaseUnavailable,
  type Params,
  type Row,
  type Statement,
} from './database.ts'
import { isDeadlock, isLost, isRefused } from './postgres-failures.ts'
import { openLine } from './postgres-line.ts'
import { migratePostgres } from './postgres-migration.ts'
import { isBouncer, openPool, spareOf } from './postgres-pool.ts'
import { addressesOf, createServers, type Servers } from './postgres-servers.ts'
import { isBulk } from './sql.ts'

const MOST_CONNECTIONS = 10
/** A server that was stopped, or a network that swallows, does not even say that the time of a statement is over. */
const SILENCE_MS = 3000
/** For a table that somebody holds. */
const LOCK_MS = 2000
const MOST_TRIES = 3
const MOST_PREPARED = 500

/**
 * PostgreSQL: named prepared statements; the statements of a transaction go out in one trip. Of several servers the one that
 * is written to is found, and found again.
 */
export async function openPostgres(options: {
  url: string
  poolSize?: number
  /** Long: for a command of the operator that changes whole tables. */
  patience?: 'short' | 'long'
}): Promise<Database> {
  const { url, poolSize = MOST_CONNECTIONS, patience = 'short' } = options
  const query = queryIn(isBouncer(url) ? 'any session' : 'our session', patience)
  const [silenceMs, lockMs] = patience === 'short' ? [SILENCE_MS, LOCK_MS] : [0, 0]
  // A commit waits for a follower that has to have it, and no time of PostgreSQL's ends that.
  const step = (text: string) => ({ text, query_timeout: silenceMs })
  const transaction = (statements: readonly (Statement | Bulk)[]) => [
    step('BEGIN'),
    ...statements.map(query),
    step('COMMIT'),
  ]
  const moment = [
    step('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'),
    step('SET LOCAL statement_timeout = 0'),
    step(`SET LOCAL lock_timeout = ${lockMs}`),
  ]
  const pools = addressesOf(url).map((address) => openPool(address, poolSize, patience))
  const servers = createServers(pools)
  await refuseUnreachable(servers)

  const again = <T>(work: (pool: pg.Pool) => Promise<T>) => tryAgain(servers, work)
  const askBy =
    (choose: (pool: pg.Pool) => pg.Pool) =>
    async <R>(sql: string, params: Params = {}) => {
      const { rows } = await again((pool) => choose(pool).query(query({ sql, params })))
      return rows as R[]
    }
  const ask = askBy((pool) => pool)
  const askAside = askBy(spareOf)
  return {
    engine: 'PostgreSQL',
    read: ask,
    write: ask,
    aside: { read: askAside, write: askAside },
    batch: <R>(statements: readonly (Statement | Bulk)[]) =>
      again((pool) => transact(pool, transaction(statements))) as Promise<R[][]>,
    logBytes: () => null,
    snapshot: (statements) => again((pool) => readAtOnce(pool, moment, statements)),
    listen(heard) {
      if (isBouncer(url)) return { read: ask, close: async () => {} }
      return openLine({ pool: () => servers.primary(), translate, otherwise: ask, heard })
    },
    migrate: async (version, script) => migratePostgres(await servers.primary(), version, script),
    close: () => servers.end(),
  }
}

async function transact(pool: pg.Pool, queries: readonly pg.QueryConfig[]): Promise<Row[][]> {
  const client = await pool.connect()
  let lost: Error | undefined
  try {
    const results = await Promise.allSettled(queries.map((query) => client.query(query)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    return results
      .slice(1, -1)
      .map((result) => (result.status === 'fulfilled' ? result.value.rows : []))
  } catch (cause) {
    if (isLost(cause)) lost = cause as Error
    throw cause
  } finally {
    // A failed transaction was ended by its own COMMIT; a lost connection is not given back.
    client.release(lost)
  }
}

/** One moment for all of them; a large table may take its time, but none waits long for whoever locked it. */
async function readAtOnce(
  pool: pg.Pool,
  moment: readonly pg.QueryConfig[],
  statements: readonly Statement[],
): Promise<Row[][]> {
  const client = await pool.connect()
  try {
    for (const step of moment) await client.query(step)
    const tables: Row[][] = []
    for (const statement of statements) {
      // Without a name: a plan that is kept would not outlive the next migration.
      const { text, values } = translate(statement)
      tables.push((await client.query({ text, values: values ?? [] })).rows)
    }
    return tables
  } finally {
    // The transaction ends with its connection: nothing of it is worth keeping.
    client.release(true)
  }
}

/** Deadlocks are tried again: every statement states its own condition, so nothing happens twice. */
async function tryAgain<T>(servers: Servers, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await work(await servers.primary())
    } catch (cause) {
      if (isLost(cause)) {
        const mayBeElsewhere = servers.doubt()
        // Nothing was sent: another server may take it.
        if (mayBeElsewhere && isRefused(cause) && round < MOST_TRIES) continue
        throw new DatabaseUnavailable('PostgreSQL', { cause })
      }
      if (!isDeadlock(cause)) throw cause
      if (round === MOST_TRIES) throw new DatabaseUnavailable('PostgreSQL', { cause })
      await wait(Math.random() * 20 * round)
    }
  }
}

interface Translation {
  readonly name: string
  readonly text: string
  readonly names: readonly string[]
}

const translations = new LRUCache<string, Translation>({ max: MOST_PREPARED })

type Query = pg.QueryConfig & { query_timeout: number }

/** A statement has a name, and is planned once, in a session that stays ours. */
function queryIn(
  session: 'our session' | 'any session',
  patience: 'short' | 'long',
): (statement: Statement | Bulk) => Query {
  const translated = (statement: Statement | Bulk) =>
    isBulk(statement) ? inArrays(statement) : translate(statement)
  if (session === 'our session' && patience === 'short') return translated
  return (statement) => {
    const { name, query_timeout, ...query } = translated(statement)
    const prepared = session === 'our session' ? { name } : {}
    return { ...query, ...prepared, query_timeout: patience === 'short' ? query_timeout : 0 }
  }
}

/** Rows go as an array for each column: one statement, however many they are. */
function inArrays({ sql, columns, rows }: Bulk): Query {
  const names = Object.keys(columns)
  const arrays = Object.entries(columns).map(([name, type]) => `CAST(:${name} AS ${type}[])`)
  const given = names.join(', ')
  const table = `(SELECT ${given} FROM unnest(${arrays.join(', ')}) AS given (${given}))`
  const query = translate({ sql: sql.replace(':rows', table), params: {} })
  return { ...query, values: names.map((_, index) => rows.map((row) => row[index])) }
}

/** `:name` becomes `$1`, once for each text; the statement is named after it, so that it is planned once. */
function translate({ sql, params }: Statement): Query {
  let known = translations.get(sql)
  if (!known) {
    known = number(sql)
    translations.set(sql, known)
  }
  return {
    name: known.name,
    text: known.text,
    values: known.names.map((name) => params[name] ?? null),
    query_timeout: SILENCE_MS,
  }
}

function number(sql: string): Translation {
  const names: string[] = []
  const text = sql.replace(/'[^']*'|(?<!:):([a-z_][a-z0-9_]*)/gi, (found, name?: string) => {
    if (name === undefined) return found
    if (!names.includes(name)) names.push(name)
    return `$${names.indexOf(name) + 1}`
  })
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  return { name, text, names }
}

async function refuseUnreachable(servers: Servers): Promise<void> {
  try {
    await (await servers.primary()).query('SELECT 1')
  } catch (cause) {
    await servers.end()
    throw cause
  }
}
