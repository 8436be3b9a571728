import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openSqlite } from '../src/store/sqlite.ts'
import { databases } from './databases.ts'
import { type Disk, readDisk } from './faults/disk.ts'
import type { Deed } from './faults/history.ts'
import { judge } from './faults/judge.ts'
import { luckOf } from './faults/luck.ts'
import { closeStage, crowd, openStage, type Stage } from './faults/stage.ts'
import { findStrace, whyNoTrace } from './faults/strace.ts'
import { main, startProgram } from './server-process.ts'

const SEED = process.env.FAULT_SEED ?? 'freddy'
const CUTS = Number(process.env.FAULT_CUTS ?? 6)
const MOST_LOOKS = 500
const careless = fileURLToPath(new URL('./faults/no-sync.ts', import.meta.url))

test('F7: a power cut at any moment takes nothing that was answered', async (t) => {
  const reason = await whyNoTrace()
  if (reason) return t.skip(reason)
  const { stage, disk } = await liveOnDisk(t, [])
  const sent = stage.history.deeds.length
  t.diagnostic(`${sent} requests, ${disk.syncs} syncs, ${CUTS} cuts`)
  for (const moment of momentsOf(stage)) {
    assert.deepEqual(await judgeAt(stage, disk, moment), [], `cut at ${moment}, seed ${SEED}`)
  }
})

test('F7: the same scene on a server that does not sync loses what was answered, and says so', async (t) => {
  const reason = await whyNoTrace()
  if (reason) return t.skip(reason)
  const { stage, disk } = await liveOnDisk(t, [`--import=${careless}`])
  const faults: string[] = []
  for (const moment of momentsOf(stage)) faults.push(...(await judgeAt(stage, disk, moment)))
  // Of what was answered, or of everything.
  assert.match(faults.join('\n'), /"\w[\w ]*" of .* was lost|no such table/)
})

/** People live on a server whose every write is written down. */
async function liveOnDisk(
  t: TestContext,
  flags: readonly string[],
): Promise<{ stage: Stage; disk: Disk }> {
  const stage = await openStage('SQLite', openEmptyFolder)
  t.after(() => closeStage(stage))
  const folder = stage.env.DATA_DIR ?? ''
  const trace = join(folder, 'trace')
  const { path, env } = await findStrace()
  const files = ['freddy.db', 'freddy.db-wal'].flatMap((name) => ['-P', join(folder, name)])
  // As a grandchild: the process that is started becomes the server.
  const how = ['-D', '-f', '-ttt', '-T', '-y', '-xx', '-s', '5000', '-o', trace]
  const calls = ['-e', 'trace=pwrite64,ftruncate,fsync,fdatasync']
  const words = ['--disable-warning=ExperimentalWarning', ...flags, main]
  const server = await startProgram(words, { ...stage.env, ...env }, [
    path,
    ...how,
    ...files,
    ...calls,
  ])
  stage.servers.push(server)
  const over = new AbortController()
  const clients = crowd(stage, 'a', [SEED, 'F7'], over.signal)
  await Promise.race([stage.history.sent('verify', 8), ...clients])
  over.abort()
  await Promise.all(clients)
  await server.stop()
  for (let look = 0; !/exited with 0 \+\+\+\n$/.test(readFileSync(trace, 'latin1')); look++) {
    assert.ok(look < MOST_LOOKS, 'all is written down')
    await wait(20)
  }
  return { stage, disk: readDisk(trace) }
}

/** A server makes its database itself, so that the disk is told of every byte. */
async function openEmptyFolder() {
  const place = await databases[0].open()
  await place.database.close()
  for (const end of ['', '-wal', '-shm']) rmSync(`${place.url}${end}`, { force: true })
  return { ...place, drop: async () => {} }
}

/** Right after somebody was answered: when most would be missed. */
function momentsOf({ history }: Stage): number[] {
  const luck = luckOf(SEED, 'F7')
  const answered = history.deeds.filter(({ answer }) => answer !== null)
  const [first, ...rest] = answered.map(({ answeredAt }) => answeredAt)
  if (first === undefined) throw new Error('nobody was answered')
  return Array.from({ length: CUTS }, () => luck.pick([first, ...rest]))
}

async function judgeAt({ history, sink }: Stage, disk: Disk, moment: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  try {
    disk.cutAt(moment, folder)
    const database = await openSqlite({ path: join(folder, 'freddy.db') })
    try {
      const deeds = history.deeds.flatMap((deed) => asOf(deed, moment))
      return await judge({ deeds, database, sink, since: 0 })
    } catch (cause) {
      return [String(cause)]
    } finally {
      await database.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What was known of a deed at that moment. */
function asOf(deed: Deed, moment: number): Deed[] {
  if (deed.at > moment) return []
  return [deed.answeredAt > moment ? { ...deed, answer: null } : deed]
}
