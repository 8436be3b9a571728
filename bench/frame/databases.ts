import pg from 'pg'
import { type Postgres, startPostgres } from '../../scripts/testing/postgres.ts'

/** A PostgreSQL of the bench's own, started when the first database is wanted. */
export interface Databases {
  fresh(): Promise<string>
  stop(): Promise<void>
}

export function databases(): Databases {
  let server: Promise<Postgres> | null = null
  let made = 0
  return {
    async fresh() {
      server ??= startPostgres()
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
