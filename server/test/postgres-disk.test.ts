import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Cluster, makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { openFreshPostgres } from './databases.ts'
import { comeThrough } from './faults/come-through.ts'
import { closeStage, openStage } from './faults/stage.ts'
import { attachStrace, whyNoTrace } from './faults/strace.ts'

const SEED = process.env.FAULT_SEED ?? 'freddy'
const DISK_MB = 160

async function startCluster(where?: string): Promise<Cluster> {
  const cluster = await makeCluster([], where)
  await cluster.start()
  return cluster
}

test('F43: a PostgreSQL whose disk is full says so, and has kept what was answered', async (t) => {
  const disk = mountDisk()
  if (!disk) return t.skip('nobody may mount here')
  const cluster = await startCluster(disk)
  const stage = await openStage('PostgreSQL', () => openFreshPostgres(cluster.url))
  t.after(() => closeStage(stage))
  t.after(() => cluster.stop())
  const { history } = stage
  await comeThrough(stage, [SEED, 'F43'], async () => {
    await history.sent('verify', 4)
    const filler = fill(disk)
    // What is written next begins a file for which there is no room: all of PostgreSQL ends.
    const operator = new pg.Client({ connectionString: cluster.url })
    operator.on('error', () => {})
    await operator.connect()
    for (let file = 0; file < 8; file++)
      await operator.query('SELECT pg_switch_wal()').catch(() => {})
    const before = history.deeds.length
    while (!history.deeds.slice(before).some(({ answer }) => answer?.status === 503)) await wait(10)
    rmSync(filler)
    await cluster.stop()
    await cluster.start()
  })
})

test('F43: a PostgreSQL whose disk did not sync has kept what was answered', async (t) => {
  const reason = await whyNoTrace()
  if (reason) return t.skip(reason)
  const cluster = await startCluster()
  const stage = await openStage('PostgreSQL', () => openFreshPostgres(cluster.url))
  t.after(() => closeStage(stage))
  t.after(() => cluster.stop())
  const { history } = stage
  await comeThrough(stage, [SEED, 'F43'], async () => {
    await history.sent('verify', 2)
    const failing = await attachStrace(cluster, [
      ...['-e', 'trace=fsync,fdatasync'],
      ...['-e', 'inject=fsync,fdatasync:error=EIO:when=3'],
    ])
    while (!failing.hasTampered()) await wait(5)
    await failing.end()
  })
})

/** A disk of its own, which is small; null where nobody may have one. */
function mountDisk(): string | null {
  const place = mkdtempSync(join(tmpdir(), 'freddy-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', place], {
      stdio: 'ignore',
    })
  } catch {
    rmSync(place, { recursive: true })
    return null
  }
  chmodSync(place, 0o777)
  process.once('exit', () => {
    execFileSync('umount', ['-l', place])
    rmSync(place, { recursive: true })
  })
  return place
}

/** Takes all that is left of a disk. */
function fill(disk: string): string {
  const name = join(disk, 'filler')
  const file = openSync(name, 'w')
  for (const size of [1024 * 1024, 4096]) {
    const bytes = Buffer.alloc(size, 1)
    try {
      for (;;) writeSync(file, bytes)
    } catch {}
  }
  closeSync(file)
  return name
}
