import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { databases } from './databases.ts'
import { live } from './faults/lives.ts'
import { luckOf } from './faults/luck.ts'
import { makeNextVersion } from './faults/next-version.ts'
import { closeStage, judgeAll, openStage, type Stage } from './faults/stage.ts'
import { type ServerProcess, startProcess } from './server-process.ts'

const SEED = process.env.FAULT_SEED ?? 'freddy'
const CLIENTS = 2
/** Longer than any statement is waited for. */
const LONG_READ_MS = 2500

for (const { name, open } of databases) {
  test(`F33: this version and the next serve one schema, in both orders and back, without a failed request (${name})`, async () => {
    const stage = await openStage(name, open)
    const next = makeNextVersion()
    const over = new AbortController()
    try {
      // A client that waits for another one's hash is told to come again where a machine is busy.
      const env = { ...stage.env, HASH_THREADS: String(CLIENTS) }
      const old = await startProcess(env)
      const crowd = enter(stage, old, over.signal)

      await crowd.served()
      const read = name === 'PostgreSQL' ? readLong(stage) : null
      const newer = await next.start(env)
      await read
      assert.deepEqual(await versionsFrom(stage, next.version), [next.version])
      await crowd.turnTo(old, newer)
      await useWhatIsNew(stage)
      await crowd.turnTo(newer)
      assert.equal(await old.stop(), 0)

      const back = await startProcess(env)
      stage.servers.push(back)
      await crowd.turnTo(newer, back)
      await useWhatIsNew(stage)
      await crowd.turnTo(back)
      assert.equal(await newer.stop(), 0)
      await crowd.served()
      over.abort()
      await crowd.end
      assert.deepEqual(failuresIn(stage), [])
      await judgeAll(stage)
    } finally {
      over.abort()
      await closeStage(stage)
      next.drop()
    }
  })
}

/** Clients who ask the servers of the moment, each in turn. */
function enter(stage: Stage, first: ServerProcess, over: AbortSignal) {
  const { history, sink, servers } = stage
  servers.push(first)
  let bases: readonly string[] = [first.base]
  let turn = 0
  const lives = Array.from({ length: CLIENTS }, (_, index) =>
    live({
      name: `c${index}`,
      luck: luckOf(SEED, 'F33', index),
      over,
      history,
      sink,
      get base() {
        return bases[turn++ % bases.length] ?? ''
      },
    }),
  )
  const served = () => Promise.race([history.sent('verify', 2), ...lives])
  return {
    end: Promise.all(lives),
    served,
    /** Nobody asks the others from now on, and whoever did was answered. */
    async turnTo(...now: readonly ServerProcess[]) {
      for (const server of now) if (!servers.includes(server)) servers.push(server)
      bases = now.map(({ base }) => base)
      const before = history.deeds.slice()
      await served()
      for (let look = 0; look < 1000 && before.some(({ answer }) => !answer); look++) await wait(10)
    },
  }
}

/** Reads a table that the migration changes, until it has stood in the way for longer than a request waits. */
async function readLong({ place }: Stage): Promise<void> {
  const [client, watch] = [place.url, place.url].map((url) => new pg.Client(url))
  assert.ok(client && watch)
  await Promise.all([client.connect(), watch.connect()])
  await client.query('BEGIN')
  await client.query('SELECT count(*) FROM sessions')
  for (let look = 0; look < 1000; look++) {
    const { rows } = await watch.query(
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%next_count%'",
    )
    if (rows.length > 0) break
    await wait(20)
  }
  await wait(LONG_READ_MS)
  await client.query('COMMIT')
  await Promise.all([client.end(), watch.end()])
}

/** The next version fills what it added; this one never heard of it. */
async function useWhatIsNew({ place: { database } }: Stage): Promise<void> {
  await database.write("UPDATE users SET next_note = 'of the next version'")
  await database.write('UPDATE sessions SET next_count = next_count + 1')
  await database.write(
    `INSERT INTO next_things (id, user_id, made_at) SELECT 'next_' || id, id, 1 FROM users
     WHERE true ON CONFLICT DO NOTHING`,
  )
}

async function versionsFrom({ place }: Stage, version: string) {
  const rows = await place.database.read<{ version: string }>(
    'SELECT version FROM schema_migrations WHERE version >= :version',
    { version },
  )
  return rows.map((row) => row.version)
}

/** What was not done: a wrong code, and the right one for the second time, are refused and no failure. */
function failuresIn({ history: { deeds } }: Stage): string[] {
  const used = new Set(
    deeds
      .filter(({ act, answer }) => act === 'verify' && answer?.status === 200)
      .map(({ of }) => of),
  )
  return deeds
    .filter(({ act, of, answer }) => {
      const status = answer?.status ?? 0
      if (status >= 200 && status < 300) return false
      return !(status === 401 && (act === 'guess' || (act === 'verify' && used.has(of))))
    })
    .map(({ act, answer }) => `${act}: ${answer?.status} ${JSON.stringify(answer?.body)}`)
}
