import pg from 'pg'
import { isSilent } from './postgres-failures.ts'
import { createHung } from './postgres-hung.ts'

/** For a connection that becomes free, or for a new one. */
const WAIT_MS = 1000
const STATEMENT_MS = 2000
/** A connection on which nothing came for so long is asked for a sign of life, and given up ten seconds later. */
const SIGN_MS = 10_000

const INT8 = 20
const NUMERIC = 1700

/** Whether statements are given up after a moment. */
type Patience = 'short' | 'long'

/** A pool, and what it has in reserve. */
interface Pool extends pg.Pool {
  spare?: pg.Pool
}

/** Connections to one server: so many, and one more that is opened when they are all taken. */
export function openPool(address: string, max: number, patience: Patience): pg.Pool {
  const pool: Pool = connections(address, max, patience)
  const spare = connections(address, 1, patience)
  const end = pool.end.bind(pool)
  pool.spare = spare
  pool.end = async () => {
    await Promise.all([end(), spare.end()])
  }
  return pool
}

/** The pool itself while it has room, then its reserve: for what must go on while others hold everything. */
export function spareOf(pool: Pool): pg.Pool {
  const { idleCount, totalCount, waitingCount, options } = pool
  const free = idleCount + (options.max ?? 1) - totalCount - waitingCount
  return free > 0 ? pool : (pool.spare ?? pool)
}

function connections(address: string, max: number, patience: Patience): pg.Pool {
  const statementMs = patience === 'short' ? STATEMENT_MS : 0
  const times = {
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: STATEMENT_MS,
  }
  const pool = new pg.Pool({
    connectionString: address,
    max,
    connectionTimeoutMillis: WAIT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: SIGN_MS,
    ...(isBouncer(address) ? {} : times),
    application_name: 'freddy-auth',
    pipeline: true,
    types: { getTypeParser },
  } as pg.PoolConfig)
  // A connection that breaks while nobody uses it is replaced by the next call; one that breaks in the middle of a
  // transaction has failed its statements, and nobody else needs to hear of it.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  if (!isBouncer(address)) pool.on('release', endHung(address))
  return pool
}

function endHung(address: string): (cause: Error, client: pg.PoolClient) => void {
  const end = createHung(address)
  return (cause, client) => {
    if (isSilent(cause)) end(client)
  }
}

/** Behind PgBouncer in transaction mode a session is anybody's: it takes no settings, and keeps no statements. */
export const isBouncer = (url: string) => /[?&]pgbouncer=true(&|$)/.test(url)

/** Moments and counts are numbers of ours: all of them fit. */
const getTypeParser = ((oid: number, format?: 'text' | 'binary') => {
  if (oid === INT8 || oid === NUMERIC) return Number
  return pg.types.getTypeParser(oid, format as 'text')
}) as typeof pg.types.getTypeParser
