import { makeCluster } from './postgres-cluster.ts'

/** Its machine does not fail while tests run; what does, in the scenes that let something fail, has a server of its own. */
const UNSYNCED = ['fsync=off', 'full_page_writes=off']

/** A PostgreSQL that lives in a temporary folder, and answers as one in production does. */
export interface Postgres {
  readonly url: string
  /** Stops it. Its folder goes when this process does. */
  stop(): Promise<void>
}

/** Starts one cluster on a free port of 127.0.0.1, for the user `freddy` without a password. */
export async function startPostgres(): Promise<Postgres> {
  const cluster = await makeCluster(UNSYNCED)
  await cluster.start()
  return cluster
}
