import type pg from 'pg'
import { DatabaseUnavailable } from './database.ts'

/** How long a server has to say whether it is the one that is written to. */
const LOOK_MS = 1000

/** The servers of one database: one is written to, the others follow it and may take its place. */
export interface Servers {
  /** The pool of the one that is written to; looked for when the last one was lost. */
  primary(): Promise<pg.Pool>
  /** It was lost, or is only read from now on: whoever comes next looks again. False when there is no other. */
  doubt(): boolean
  end(): Promise<void>
}

/** An address for each of the hosts that stand in one, with commas between: `postgresql://a:5432,b:5433/freddy`. */
export function addressesOf(url: string): string[] {
  const [, before = '', hosts = '', after = ''] =
    /^(\w+:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/.exec(url) ?? []
  return hosts.split(',').map((host) => `${before}${host}${after}`)
}

export function createServers(pools: readonly pg.Pool[]): Servers {
  let known = pools.length === 1 ? pools[0] : undefined
  let looking: Promise<pg.Pool> | undefined
  const look = async () => {
    try {
      known = await findPrimary(pools)
      return known
    } finally {
      looking = undefined
    }
  }
  return {
    async primary() {
      if (known) return known
      looking ??= look()
      return looking
    },
    doubt() {
      if (pools.length > 1) known = undefined
      return known === undefined
    },
    async end() {
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}

/**
 * Of two that say that they are written to the one is the newer that was promoted last: the other came back and does not
 * know it yet. What it would take is lost.
 */
async function findPrimary(pools: readonly pg.Pool[]): Promise<pg.Pool> {
  const looks = await Promise.allSettled(pools.map(timelineOf))
  const timelines = looks.map((look) => (look.status === 'fulfilled' ? look.value : ''))
  const newest = timelines.toSorted().at(-1)
  const primary = newest ? pools[timelines.indexOf(newest)] : undefined
  if (primary) return primary
  const causes = looks.map((look) => (look.status === 'rejected' ? look.reason : null))
  throw new DatabaseUnavailable('No server of DATABASE_URL can be written to', { cause: causes[0] })
}

/** It grows with every promotion; empty for a server that follows another. */
async function timelineOf(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query({
    text: `SELECT CASE WHEN pg_is_in_recovery() THEN ''
      ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline`,
    query_timeout: LOOK_MS,
  } as pg.QueryConfig)
  return rows[0]?.timeline ?? ''
}
