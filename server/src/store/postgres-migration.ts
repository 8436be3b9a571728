import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'

/** Any number, as long as every server of ours takes the same: who migrates holds this lock. */
const MIGRATION_LOCK = 7_301_994
/**
 * A table that somebody reads for long holds up a migration, and everybody who comes behind it: it steps back after
 * this time, sooner than a statement is given up, and comes again.
 */
const STEP_BACK_MS = 500
const MOST_STEPS_BACK = 600
/** A lock that did not come in time, and deadlocks. */
const heldUp = new Set(['55P03', '40001', '40P01'])

/** Applies a migration once; again where somebody was in the way, and what was begun is taken back each time. */
export async function migratePostgres(
  pool: pg.Pool,
  version: string,
  script: string,
): Promise<boolean> {
  for (let round = 1; ; round++) {
    try {
      return await tryMigration(pool, version, script)
    } catch (cause) {
      if (!isHeldUp(cause) || round === MOST_STEPS_BACK) throw cause
      await wait(STEP_BACK_MS)
    }
  }
}

async function tryMigration(pool: pg.Pool, version: string, script: string): Promise<boolean> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('SET LOCAL statement_timeout = 0')
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    await client.query(`SET LOCAL lock_timeout = ${STEP_BACK_MS}`)
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)',
    )
    const claimed = await client.query(
      `INSERT INTO schema_migrations (version, applied_at) VALUES ($1, extract(epoch FROM now()) * 1000) ON CONFLICT DO NOTHING`,
      [version],
    )
    if (claimed.rowCount) await client.query(script)
    await client.query('COMMIT')
    return claimed.rowCount === 1
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {})
    throw cause
  } finally {
    client.release()
  }
}

function isHeldUp(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && heldUp.has(String(cause.code))
}
