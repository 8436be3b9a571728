import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../server/src/store/database.ts'

/** What a call costs, or all calls of a kind. */
export interface Cost {
  /** Processor time of the server, and of PostgreSQL. */
  readonly serverMs: number
  readonly databaseMs: number
  /** Transactions, reads included: trips to the database. */
  readonly trips: number
  readonly syncs: number
  /** What is written ahead, and so what goes to followers. */
  readonly logBytes: number
  readonly rowsAdded: number
  readonly rowsChanged: number
}

export const fields = [
  'serverMs',
  'databaseMs',
  'trips',
  'syncs',
  'logBytes',
  'rowsAdded',
  'rowsChanged',
] as const

/** PostgreSQL tells its statistics late: a session sends the last of them when it was idle for ten seconds. */
const LATE_MS = 11_000
const TICK_MS = 10

/** Does a thing so many times, one after the other, and says what once costs. */
export async function costOf(
  database: Database,
  times: number,
  work: (turn: number) => Promise<unknown>,
): Promise<Cost> {
  const before = { ...(await readTimes(database)), ...(await readCounts(database)) }
  for (let turn = 0; turn < times; turn++) await work(turn)
  // At once: with a connection that is given up its process goes, and what it knew of its time.
  const spent = await readTimes(database)
  await wait(LATE_MS)
  const after = { ...spent, ...(await readCounts(database)) }
  return map((field) => Math.max(0, after[field] - before[field]) / times)
}

export function map(of: (field: (typeof fields)[number]) => number): Cost {
  return Object.fromEntries(fields.map((field) => [field, of(field)])) as unknown as Cost
}

type Times = Pick<Cost, 'serverMs' | 'databaseMs'>

async function readTimes(database: Database): Promise<Times> {
  const { user, system } = process.cpuUsage()
  const processes = await database.read<{ pid: number }>('SELECT pid FROM pg_stat_activity')
  return {
    serverMs: (user + system) / 1000,
    databaseMs: processes.reduce((sum, { pid }) => sum + timeOf(pid), 0),
  }
}

async function readCounts(database: Database): Promise<Omit<Cost, keyof Times>> {
  const [row] = await database.read<Record<string, number>>(
    `SELECT wal_bytes AS log, wal_sync AS syncs,
       (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS trips,
       (SELECT sum(n_tup_ins) FROM pg_stat_user_tables) AS added,
       (SELECT sum(n_tup_upd + n_tup_del) FROM pg_stat_user_tables) AS changed
     FROM pg_stat_wal`,
  )
  return {
    trips: row?.trips ?? 0,
    syncs: row?.syncs ?? 0,
    logBytes: row?.log ?? 0,
    rowsAdded: row?.added ?? 0,
    rowsChanged: row?.changed ?? 0,
  }
}

/** As the kernel counts it. */
function timeOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0] = rest.split(' ').slice(11, 13).map(Number)
  return (user + system) * TICK_MS
}
