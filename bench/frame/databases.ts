import pg from 'pg'
import { type Cluster, makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { slowDisk } from './slow-disk.ts'

/** A PostgreSQL of the bench's own, started when the first database is wanted. It syncs, as one that keeps its word does. */
export interface Databases {
  fresh(): Promise<string>
  stop(): Promise<void>
}

export function databases(): Databases {
  let server: Promise<Cluster> | null = null
  let made = 0
  return {
    async fresh() {
      server ??= startCluster()
      const { url } = await server
      made += 1
      const name = `bench_${made}`
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(`CREATE DATABASE ${name}`)
      await client.end()
      return url.replace(/\/[^/]*$/, `/${name}`)
    },
    async stop() {
      await (await server)?.stop()
    },
  }
}

async function startCluster(): Promise<Cluster> {
  // It inherits what this process has: on a slow disk it is slow as well.
  Object.assign(process.env, slowDisk())
  const cluster = await makeCluster()
  await cluster.start()
  return cluster
}
