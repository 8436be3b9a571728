import { makeCluster } from './postgres-cluster.ts'

/** A PostgreSQL that lives in a temporary folder, as safe on disk as one in production. */
export interface Postgres {
  readonly url: string
  /** Stops it. Its folder goes when this process does. */
  stop(): Promise<void>
}

/** Starts one cluster on a free port of 127.0.0.1, for the user `freddy` without a password. */
export async function startPostgres(): Promise<Postgres> {
  const cluster = await makeCluster()
  await cluster.start()
  return cluster
}
