import pg from 'pg'

/** For the way there; for an answer as long. */
const PATIENCE_MS = 1000
/** Of one statement a session that is older does not belong to whoever gave it up. */
const LEAST_MS = 2000

/**
 * Ends what a server still does for connections that were given up. It would not notice by itself: a commit that waits for a follower which is gone waits
 * for ever, past every time-out of PostgreSQL's, and with each that is given up one connection less is left for everybody.
 */
export function createHung(address: string): (client: pg.PoolClient) => void {
  let hung: number[] = []
  let isAsking = false
  const endAll = async () => {
    isAsking = true
    while (hung.length > 0) {
      const pids = hung
      hung = []
      await cancel(address, pids)
    }
    isAsking = false
  }
  return (client) => {
    const { processID } = client as pg.PoolClient & { processID?: number | null }
    if (processID) hung.push(processID)
    if (!isAsking) void endAll()
  }
}

/** A server that cannot be asked has heard nothing of them either, or is about to end them all. */
async function cancel(connectionString: string, pids: readonly number[]): Promise<void> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
    application_name: 'freddy-auth',
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
       WHERE pid = ANY($1) AND application_name = 'freddy-auth' AND state = 'active'
         AND query_start < clock_timestamp() - CAST($2 AS INTEGER) * INTERVAL '1 millisecond'`,
      [pids, LEAST_MS],
    )
  } catch {
    // They are left alone.
  } finally {
    client.end().catch(() => {})
  }
}
