import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Database, Row } from '../src/store/database.ts'
import { knownVersions, migrate, scriptFor } from '../src/store/migrate.ts'
import { insert } from '../src/store/sql.ts'
import { openSqlite } from '../src/store/sqlite.ts'
import { createStore } from '../src/store/store.ts'
import { databases, type Place } from './databases.ts'
import { luckOf } from './faults/luck.ts'
import { nextMigration } from './faults/next-version.ts'
import { statementsOf } from './faults/statements.ts'

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 3)
const SEED = process.env.FAULT_SEED ?? 'freddy'
const folder = new URL('../src/store/migrations/', import.meta.url)
const child = fileURLToPath(new URL('faults/migrating.ts', import.meta.url))
const versions = knownVersions()
const scriptOf = (version: string) => readFileSync(new URL(`${version}.sql`, folder), 'utf8')

function onEach(name: string, tell: (place: Place) => Promise<void>): void {
  for (const { name: engine, openEmpty } of databases) {
    test(`${name} (${engine})`, async () => {
      const place = await openEmpty()
      try {
        await tell(place)
      } finally {
        await place.drop()
      }
    })
  }
}

const kept = async (database: Database) =>
  (
    await database.read<{ version: string }>(
      'SELECT version FROM schema_migrations ORDER BY version',
    )
  ).map(({ version }) => version)

/** Every column of every table of ours. */
async function shapeOf({ engine, read }: Database): Promise<string[]> {
  const sql =
    engine === 'SQLite'
      ? `SELECT t.name || '.' || c.name AS name FROM pragma_table_list t, pragma_table_info(t.name) c
         WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY 1`
      : `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
         WHERE table_schema = 'public' ORDER BY 1`
  return (await read<{ name: string }>(sql)).map(({ name }) => name)
}

/** What a database looks like before each version; versions are asked for in their order. */
function referenceOn({ database }: Place) {
  let next = 0
  return async (index: number) => {
    for (; next < index; next++) {
      const version = versions[next] ?? ''
      await database.migrate(version, scriptFor(database.engine, version))
    }
    return shapeOf(database)
  }
}

for (const { name: engine, openEmpty } of databases) {
  test(`F34: a migration that is killed before any of its statements is as if it never began, and the next start makes it (${engine})`, async () => {
    const [place, other] = [await openEmpty(), await openEmpty()]
    const luck = luckOf(SEED, 'F34', engine)
    const from = luck.below(Math.max(1, versions.length - ROUNDS))
    const shapeBefore = referenceOn(other)
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const index = Math.min(from + round, versions.length - 1)
        const version = versions[index] ?? ''
        const step = luck.below(statementsOf(scriptFor(engine, version)).length)
        await killInside(place, engine, version, step)
        const where = `${version}, statement ${step} of FAULT_SEED=${SEED}`
        assert.deepEqual(await kept(place.database), versions.slice(0, index), where)
        assert.deepEqual(await shapeOf(place.database), await shapeBefore(index), where)
      }
      await migrate(place.database)
      assert.deepEqual(await kept(place.database), versions)
    } finally {
      await Promise.all([place.drop(), other.drop()])
    }
  })
}

async function killInside(place: Place, engine: string, version: string, step: number) {
  // PostgreSQL sees by itself that a client is gone only where it is told to look.
  const watched = `${place.url}?options=${encodeURIComponent('-c client_connection_check_interval=100')}`
  const url = engine === 'SQLite' ? place.url : watched
  const args = ['--disable-warning=ExperimentalWarning', child, engine, url, version, String(step)]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(server, 'exit')
  const [said] = await once(server.stdout, 'data')
  assert.equal(String(said), 'here')
  const look = engine === 'SQLite' ? isHeld : isAsleep
  for (let looks = 0; looks < 1000 && !(await look(place)); looks++) await wait(10)
  server.kill('SIGKILL')
  assert.deepEqual(await ended, [null, 'SIGKILL'])
}

/** Somebody writes, and goes on writing. */
async function isHeld({ url }: Place): Promise<boolean> {
  const other = new DatabaseSync(url)
  try {
    other.exec('PRAGMA busy_timeout = 100')
    other.exec('BEGIN IMMEDIATE')
    return false
  } catch {
    return true
  } finally {
    other.close()
  }
}

const isAsleep = async ({ database }: Place) =>
  (
    await database.read(
      "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
    )
  ).length > 0

test('F34: a disk that fills anywhere in a migration keeps nothing of it, and with room it is made', async () => {
  const place = await databases[0].openEmpty()
  const { database } = place
  try {
    await migrate(database)
    const before = await shapeOf(database)
    const [row] = await database.read<{ page_count: number }>('PRAGMA page_count')
    const pages = row?.page_count ?? 0
    const { version, script } = nextMigration
    let full = 0
    for (; full < 50; full++) {
      await database.write(`PRAGMA max_page_count = ${pages + full}`)
      const made = await database.migrate(version, script).catch((cause: Error) => cause)
      if (made === true) break
      assert.match(String(made), /full/)
      assert.deepEqual(await kept(database), versions)
      assert.deepEqual(await shapeOf(database), before)
    }
    assert.ok(full > 0 && full < 50, `${full} pages were too few`)
    assert.deepEqual(await kept(database), [...versions, version])
  } finally {
    await place.drop()
  }
})

onEach('F34: a migration that fails at any statement keeps nothing of it', async ({ database }) => {
  await migrate(database)
  const before = await shapeOf(database)
  const { version, script } = nextMigration
  const statements = script.split(/;\s*$/m)
  for (let step = 0; step < statements.length; step++) {
    const broken = statements
      .toSpliced(step, 0, '\nINSERT INTO users (id) VALUES (NULL)')
      .join(';\n')
    await assert.rejects(database.migrate(version, broken))
    assert.deepEqual(await kept(database), versions)
    assert.deepEqual(await shapeOf(database), before)
  }
  assert.equal(await database.migrate(version, script), true)
})

test('F34: servers that start while another one migrates wait for it, however long it takes', async () => {
  const [sqlite, postgres] = [await databases[0].openEmpty(), await databases[1].openEmpty()]
  const impatient = await openSqlite({ path: sqlite.url, busyTimeoutMs: 20 })
  const other = new DatabaseSync(sqlite.url)
  const client = new pg.Client(postgres.url)
  await client.connect()
  other.exec('BEGIN IMMEDIATE')
  await client.query('SELECT pg_advisory_lock(7301994)')
  let waiting = true
  const both = [impatient, postgres.database].map(async (database) => {
    const made = await migrate(database)
    assert.equal(waiting, false)
    return made
  })
  // Longer than the first takes to lose its patience, many times.
  await Promise.race([Promise.all([wait(400), someoneWaits(client)]), ...both])
  waiting = false
  other.exec('ROLLBACK')
  await client.query('SELECT pg_advisory_unlock(7301994)')
  assert.deepEqual(await Promise.all(both), [versions, versions])
  other.close()
  await client.end()
  await impatient.close()
  await Promise.all([sqlite.drop(), postgres.drop()])
})

async function someoneWaits(client: pg.Client): Promise<void> {
  const sql = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
  for (let look = 0; look < 1000; look++) {
    if ((await client.query(sql)).rows.length > 0) return
    await wait(10)
  }
  assert.fail('nobody waits')
}

onEach(
  'F33: a server goes on with a newer schema that says so, and with no other',
  async ({ database }) => {
    await migrate(database)
    const ours = versions.at(-1) ?? ''
    const newer = async (version: string, from: string | null) => {
      const note = `UPDATE schema_migrations SET servers_from = ${from ? `'${from}'` : 'NULL'} WHERE version = '${version}';\n`
      await database.migrate(
        version,
        `CREATE TABLE t${version.slice(0, 4)} (\n  id TEXT\n);\n${note}`,
      )
    }
    await newer('9001-adds', '0001')
    await newer('9002-adds', ours.slice(0, 4))
    assert.deepEqual(await migrate(database), [])
    await newer('9003-takes-away', '9001')
    const sentence = `schema 9003-takes-away, for servers from 9001 on; this one knows ${ours}: start a newer server`
    await assert.rejects(migrate(database), (cause: Error) => cause.message.endsWith(sentence))
    await database.write("DELETE FROM schema_migrations WHERE version = '9003-takes-away'")
    await newer('9004-says-nothing', null)
    await assert.rejects(migrate(database), /for servers from 9004-says-nothing on/)
  },
)

onEach('F33: a server makes no backup of tables that it does not know', async ({ database }) => {
  await migrate(database)
  const { backup } = createStore(database)
  assert.deepEqual((await backup.snapshot()).schema, versions)
  await database.migrate(nextMigration.version, nextMigration.script)
  await assert.rejects(backup.snapshot(), /does not know: make the backup with a newer one/)
})

/** What an older server that goes on would trip over. */
const takesAway =
  /\b(DROP (TABLE|COLUMN)|RENAME|ALTER COLUMN|SET NOT NULL|ADD COLUMN \w+ \w+ NOT NULL(?! DEFAULT))\b/

onEach('what was counted for an account goes on counting under its id', async (place) => {
  const { database } = place
  await referenceOn(place)(versions.indexOf('0029-own-counters'))
  const row = { name: 'login-account', streak: 100, last_try: 'x', log: '1'.repeat(13) }
  for (const [key, user_id, expires_at, streak] of [
    ['hash of ada', 'usr_ada', 3, 100],
    ['hash of ada by an older secret', 'usr_ada', 2, 7],
    ['hash of a name', null, 3, 9],
  ] as const) {
    await database.batch([insert('budgets', { ...row, key, user_id, expires_at, streak })])
  }
  await migrate(database)
  const own = await database.read<Row>(
    "SELECT key, user_id, streak FROM budgets WHERE key LIKE 'login-account %' ORDER BY key",
  )
  assert.deepEqual(
    own.map((each) => ({ ...each })),
    [
      { key: 'login-account hash of a name', user_id: null, streak: 9 },
      { key: 'login-account usr_ada', user_id: 'usr_ada', streak: 100 },
    ],
  )
})

test('F33: a migration says beside which servers it runs, and takes away nothing that those use', () => {
  for (const version of versions.filter((each) => each >= '0022')) {
    const script = scriptOf(version)
    const [, from = ''] = /^-- Runs with servers from (\d{4}) on\.$/m.exec(script) ?? []
    const before = versions.filter((each) => each < version).at(-1) ?? ''
    assert.ok(from, `${version} does not say it`)
    assert.ok(from <= version, version)
    if (takesAway.test(script)) assert.ok(from >= before.slice(0, 4), version)
  }
  for (const sql of ['ALTER TABLE a DROP COLUMN b', 'ALTER TABLE a ADD COLUMN b BIGINT NOT NULL;'])
    assert.match(sql, takesAway)
  assert.doesNotMatch('ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0;', takesAway)
})

test('F33: every statement names its columns, so that a column more is nothing to it', () => {
  const store = new URL('../src/store/', import.meta.url)
  const found = readdirSync(store)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...readFileSync(new URL(name, store), 'utf8').matchAll(unnamed)].map(
        ([text]) => `${name}: ${text}`,
      ),
    )
  // It holds whatever stands in a table, and only of a schema that it knows.
  assert.deepEqual(found, ['backup.ts: SELECT *'])
})

const unnamed = /\b(SELECT|RETURNING) (\w+\.)?\*|INSERT INTO \w+ (VALUES|SELECT)\b/g
