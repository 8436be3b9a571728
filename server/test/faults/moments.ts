import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import type { Row } from '../../src/store/database.ts'
import type { ServerProcess } from '../server-process.ts'
import type { Deed } from './history.ts'
import { type Case, judge } from './judge.ts'
import type { Road } from './road.ts'
import type { Stage } from './stage.ts'

/** What is left of a server that would be killed now: the rows, and what its clients had heard. */
interface Remains {
  readonly deeds: readonly Deed[]
  readonly database: Case['database']
  close(): void
}

/**
 * Holds a server where it stands, in the middle of whatever it does, and judges what a kill would leave; then it goes on. Its database sees a
 * kill: SQLite's files are those that lie there, and PostgreSQL loses every connection of it. A start is what a kill costs; this costs none.
 */
export async function judgeMoment(
  stage: Stage,
  server: ServerProcess,
  road: Road | null,
  about: { since: number; first: number; name: string },
): Promise<void> {
  await freeze(server)
  const remains = road ? await cutOff(stage, road) : copyFiles(stage)
  try {
    const { deeds, database } = remains
    const { sink } = stage
    const { since, first } = about
    assert.deepEqual(
      await judge({ deeds: deeds.slice(first), database, sink, since }),
      [],
      about.name,
    )
  } finally {
    remains.close()
    server.child.kill('SIGCONT')
  }
}

/** A signal takes a moment; then none of its threads moves. */
async function freeze({ child }: ServerProcess): Promise<void> {
  child.kill('SIGSTOP')
  const stat = `/proc/${child.pid}/stat`
  while (!/\) T /.test(readFileSync(stat, 'utf8'))) await wait(1)
}

/** Answers that lie in a socket still were not heard: nobody knows of them. */
const copyDeeds = ({ history }: Stage) => history.deeds.map((deed) => ({ ...deed }))

function copyFiles(stage: Stage): Remains {
  const deeds = copyDeeds(stage)
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  for (const name of ['freddy.db', 'freddy.db-wal']) {
    const from = join(stage.env.DATA_DIR ?? '', name)
    if (existsSync(from)) copyFileSync(from, join(folder, name))
  }
  const file = new DatabaseSync(join(folder, 'freddy.db'))
  const read = (sql: string, params: object = {}) => file.prepare(sql).all({ ...params }) as Row[]
  return {
    deeds,
    database: {
      engine: 'SQLite',
      read: async <R = Row>(sql: string) => read(sql) as R[],
      snapshot: async (statements) => statements.map(({ sql, params }) => read(sql, params)),
    },
    close() {
      file.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** What PostgreSQL had taken already it still does; then its sessions end. */
async function cutOff(stage: Stage, road: Road): Promise<Remains> {
  const { database } = stage.place
  const ports = road.sever().join(', ') || '0'
  const sessions = `SELECT 1 FROM pg_stat_activity WHERE client_port IN (${ports})`
  while ((await database.read(sessions)).length > 0) await wait(1)
  return { deeds: copyDeeds(stage), database, close() {} }
}
