import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { createFeed, type Feed } from '../src/auth/feed.ts'
import { createMemory } from '../src/auth/memory.ts'
import { createLog } from '../src/log.ts'
import type { ApiKeyRow } from '../src/store/api-keys.ts'
import { createChangeStore } from '../src/store/changes.ts'
import type { Database } from '../src/store/database.ts'
import { migrate } from '../src/store/migrate.ts'
import { createStore } from '../src/store/store.ts'
import { databases, type Place } from './databases.ts'

const MOST_LOOKS = 500

/** Something to be closed before the database goes. */
type After = (close: () => Promise<unknown>) => void

function onEach(
  name: string,
  tell: (place: Place, after: After) => Promise<void>,
  engines: readonly string[] = ['SQLite', 'PostgreSQL'],
): void {
  for (const { name: engine, open } of databases.filter((one) => engines.includes(one.name))) {
    test(`${name} (${engine})`, async () => {
      const place = await open()
      const closing: (() => Promise<unknown>)[] = []
      try {
        await migrate(place.database)
        await tell(place, (close) => closing.push(close))
      } finally {
        for (const close of closing.toReversed()) await close()
        await place.drop()
      }
    })
  }
}

/** A feed on a database with a clock that stands, and somebody with a key that it remembers. */
function follow(database: Database) {
  let now = 1_000_000
  const memory = createMemory()
  const delays: number[] = []
  const log: string[] = []
  const feed = createFeed({
    changes: createChangeStore(database),
    engine: database.engine,
    memory,
    now: () => now,
    tick: () => now,
    log: createLog('info', (line) => log.push(line)),
    onHeard: (delayMs) => delays.push(delayMs),
  })
  const remember = (person: string) => {
    const row = { hash: person, user_id: person } as ApiKeyRow
    memory.keys.keep([person], row, feed.begin(now))
  }
  const knows = (person: string) => {
    const known = memory.keys.find(person)
    return known !== undefined && feed.holds(known.read, now)
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { feed, memory, delays, log, remember, knows, pass, now: () => now }
}

const person = (id: string) => ({
  sql: `INSERT INTO users (id, address, created_at, updated_at, role, sessions_valid_after)
    VALUES (:id, :address, 1, 1, 'user', 0)`,
  params: { id, address: `${id}@example.com` },
})
const close = (id: string) => ({
  sql: 'UPDATE users SET disabled_at = 2 WHERE id = :id',
  params: { id },
})

async function inhabit({ database }: Place, ...ids: string[]): Promise<void> {
  await database.batch(ids.map(person))
}

async function until(feed: Feed, holds: () => boolean): Promise<void> {
  for (let round = 0; round < MOST_LOOKS; round++) {
    if (holds()) return
    await wait(10)
  }
  assert.fail(`it was not heard; the feed stands so: ${JSON.stringify(feed.standing(0))}`)
}

onEach('of whoever is changed nothing is remembered, of others all', async (place) => {
  await inhabit(place, 'ada', 'bob')
  const { feed, remember, knows, delays } = follow(place.database)
  remember('ada')
  assert.equal(knows('ada'), false, 'nothing is believed before the first look')
  await feed.look()
  for (const who of ['ada', 'bob']) remember(who)
  await place.database.batch([close('ada')])
  assert.equal(knows('ada'), true)
  await feed.look()
  assert.deepEqual([knows('ada'), knows('bob')], [false, true])
  remember('ada')
  await feed.look()
  assert.equal(knows('ada'), true, 'a change is told once')
  assert.equal(delays.length, 1)
  assert.ok((delays[0] ?? -1) >= 0)
})

onEach('what was read before a change is not remembered after it was heard', async (place) => {
  await inhabit(place, 'ada', 'bob')
  const { feed, memory, knows, now } = follow(place.database)
  await feed.look()
  const reading = feed.begin(now())
  await place.database.batch([close('ada')])
  await feed.look()
  for (const who of ['ada', 'bob']) {
    memory.keys.keep([who], { hash: who, user_id: who } as ApiKeyRow, reading)
  }
  assert.deepEqual([knows('ada'), knows('bob')], [false, true])
})

onEach(
  'a feed without a look for a second is lost, and what it said then holds no more',
  async (place) => {
    await inhabit(place, 'ada')
    const { feed, remember, knows, pass, now } = follow(place.database)
    await feed.look()
    remember('ada')
    pass(900)
    assert.equal(knows('ada'), true)
    pass(1)
    assert.equal(knows('ada'), false)
    assert.equal(feed.standing(now()).lives, false)
    await feed.look()
    assert.equal(knows('ada'), true, 'every change since was looked for')
  },
)

onEach('after a look that failed every row is read again', async (place) => {
  await inhabit(place, 'ada')
  const { feed, memory, remember, knows, pass, now, log } = follow(place.database)
  await feed.look()
  remember('ada')
  const { read } = memory.keys.find('ada') ?? assert.fail()
  await place.database.batch([{ sql: 'ALTER TABLE changes RENAME TO hidden', params: {} }])
  pass(100)
  await feed.look()
  assert.equal(knows('ada'), false)
  assert.equal(feed.doubtedFor(read, now()), 100)
  await place.database.batch([{ sql: 'ALTER TABLE hidden RENAME TO changes', params: {} }])
  pass(100)
  await feed.look()
  assert.equal(feed.standing(now()).lives, true)
  assert.equal(knows('ada'), false)
  assert.equal(feed.doubtedFor(read, now()), 200, 'its age counts from the last time it was known')
  assert.ok(log.some((line) => line.includes('feed.lost')))
  assert.ok(log.some((line) => line.includes('feed.back')))
})

onEach('numbers that begin anew, as after a restore, are another history', async (place) => {
  await inhabit(place, 'ada')
  const { feed, remember, knows } = follow(place.database)
  await place.database.batch([
    { sql: "INSERT INTO changes VALUES (9000000000, 'bob', 1)", params: {} },
    close('ada'),
  ])
  await feed.look()
  remember('ada')
  await place.database.batch([{ sql: 'DELETE FROM changes', params: {} }])
  await feed.look()
  // PostgreSQL counts its transactions by itself.
  assert.equal(knows('ada'), place.database.engine === 'PostgreSQL')
})

onEach('ten thousand changes at once make it forget everything, and it goes on', async (place) => {
  const { feed, memory, remember, knows, pass } = follow(place.database)
  const { database } = place
  await inhabit(place, 'ada')
  await database.write(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
    INSERT INTO users (id, address, created_at, updated_at, role, sessions_valid_after)
    SELECT 'u' || i, 'u' || i || '@example.com', 1, 1, 'user', 0 FROM n`)
  await feed.look()
  remember('ada')
  await database.write("UPDATE users SET disabled_at = 2 WHERE id <> 'ada'")
  await feed.look()
  assert.equal(memory.keys.size, 0)
  pass(100)
  await feed.look()
  remember('ada')
  assert.equal(knows('ada'), true)
  await database.batch([close('ada')])
  await feed.look()
  assert.equal(knows('ada'), false)
})

onEach('who did not look for longer than changes are kept forgets everything', async (place) => {
  await inhabit(place, 'ada', 'bob')
  const { feed, memory, remember, pass } = follow(place.database)
  await place.database.batch([close('ada')])
  await place.database.batch([close('bob')])
  await feed.look()
  remember('ada')
  const { sweep } = createStore(place.database)
  await sweep.expired(Date.now() + 7_200_000, { auditDays: 90 })
  const left = await place.database.read<{ user_id: string }>('SELECT user_id FROM changes')
  assert.deepEqual(
    left.map(({ user_id }) => user_id),
    ['bob'],
    'the newest stays, where numbers are counted from',
  )
  pass(1_800_000)
  await feed.look()
  assert.equal(memory.keys.size, 1)
  pass(1_800_001)
  await feed.look()
  assert.equal(memory.keys.size, 0)
})

/**
 * What no change is told of, by table: it is nothing that a server remembers, or it is looked up again before anybody is
 * refused by it. Every other column of these tables is told, those of tomorrow too.
 */
const untold: Readonly<Record<string, readonly string[]>> = {
  users: [
    ...['user_name', 'full_name', 'password_hash', 'created_at', 'updated_at', 'last_login_at'],
    ...['role', 'reset_required_at', 'language'],
  ],
  sessions: [
    // Hot; see auth/session.ts and auth/session-seen.ts for how each is known all the same.
    ...['last_seen_at', 'seen_source', 'seen_agent', 'refresh_hash', 'refresh_issued_at'],
    ...['parent_hash', 'roamed_at'],
    ...['name', 'platform', 'location', 'source', 'agent', 'panic_id'],
  ],
  api_keys: [
    ...['last_used_at', 'last_used_source', 'last_used_agent', 'refused_calls', 'last_refused_at'],
    ...['last_refused_source', 'former_heard_at'],
    ...['reminded_days', 'former_warned_at', 'panic_id'],
  ],
  person_limits: [],
  budget_raises: ['id', 'challenge_id', 'created_at'],
}

const seeds = [
  person('ada'),
  person('bob'),
  ...['one', 'two'].map((id) => ({
    sql: `INSERT INTO api_keys (id, user_id, name, hash, prefix, last4, scopes, created_at)
      VALUES (:id, 'ada', 'k', :id, 'ak_', 'last', 'models', 1)`,
    params: { id },
  })),
  {
    sql: `INSERT INTO sessions (id, user_id, source, agent, created_at, last_seen_at, expires_at, refresh_hash,
      refresh_issued_at) VALUES ('ses', 'ada', '', '', 1, 1, 9, '', 1)`,
    params: {},
  },
  { sql: "INSERT INTO person_limits (user_id, set_at) VALUES ('ada', 1)", params: {} },
  {
    sql: `INSERT INTO budget_raises (id, user_id, key_id, challenge_id, limit_name, amount, created_at, granted_at,
      expires_at) VALUES ('more', 'ada', 'one', '', 'tokens_per_day', 1, 1, 1, 9)`,
    params: {},
  },
]

/** What an id is changed to, so that it names something that is there. */
const others: Readonly<Record<string, string>> = { user_id: 'bob', parent_id: 'two', key_id: 'two' }

onEach(
  'a change of any column of which a server may remember something is told',
  async ({ database }) => {
    await database.batch(seeds)
    let told = 0
    const isTold = async () => {
      const [row] = await database.read<{ count: number }>('SELECT count(*) AS count FROM changes')
      const before = told
      told = row?.count ?? 0
      return told > before
    }
    assert.equal(await isTold(), true, 'that somebody may spend less than others')
    for (const [table, columns] of Object.entries(untold)) {
      const row = { users: 'ada', api_keys: 'one' }[table]
      const where = row ? ` WHERE id = '${row}'` : ''
      for (const { name, type } of await columnsOf(database, table)) {
        // Of these two other rows name it.
        if (row && name === 'id') continue
        const value = others[name] ?? (type === 'text' ? `${name}~` : 77)
        await database.write(`UPDATE ${table} SET ${name} = :value${where}`, { value })
        assert.equal(await isTold(), !columns.includes(name), `${table}.${name}`)
      }
    }
    for (const table of ['budget_raises', 'person_limits', 'sessions', 'api_keys', 'users']) {
      const end = { sessions: 'ended_at', api_keys: 'revoked_at' }[table]
      if (end) await database.write(`UPDATE ${table} SET ${end} = NULL`)
      await isTold()
      await database.write(`DELETE FROM ${table}`)
      assert.equal(await isTold(), true, `rows of ${table} that go`)
    }
  },
)

async function columnsOf(database: Database, table: string) {
  const sql =
    database.engine === 'SQLite'
      ? 'SELECT name, lower(type) AS type FROM pragma_table_info(:table)'
      : `SELECT column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_name = :table`
  return database.read<{ name: string; type: string }>(sql, { table })
}

test('what a server remembers is read from no other tables', () => {
  const files = ['sessions', 'key-tree', 'allowances']
  const read = (name: string) =>
    readFileSync(new URL(`../src/store/${name}.ts`, import.meta.url), 'utf8')
  const tables = files.flatMap((name) =>
    [...read(name).matchAll(/\b(?:FROM|JOIN) ([a-z_]{3,})/g)].map(([, table = '']) => table),
  )
  assert.deepEqual([...new Set(tables)].sort(), Object.keys(untold).sort())
})

onEach(
  'a change that is seen later than younger ones is heard',
  async (place, after) => {
    await inhabit(place, 'ada', 'bob')
    const { feed, remember, knows } = follow(place.database)
    await feed.look()
    for (const who of ['ada', 'bob']) remember(who)
    const slow = new pg.Client({ connectionString: place.url })
    await slow.connect()
    after(() => slow.end())
    await slow.query("BEGIN; UPDATE users SET disabled_at = 2 WHERE id = 'ada'")
    await place.database.batch([close('bob')])
    await feed.look()
    assert.deepEqual([knows('ada'), knows('bob')], [true, false])
    remember('bob')
    await feed.look()
    assert.equal(knows('bob'), true, 'what is looked for twice is told once')
    await slow.query('COMMIT')
    await feed.look()
    assert.deepEqual([knows('ada'), knows('bob')], [false, true])
  },
  ['PostgreSQL'],
)

onEach(
  'a feed that runs hears by itself, and again after its line was cut',
  async (place, after) => {
    await inhabit(place, 'ada', 'bob', 'cat')
    const { feed, remember, knows } = follow(place.database)
    await feed.look()
    feed.start()
    after(() => feed.stop())
    for (const who of ['ada', 'bob', 'cat']) remember(who)
    await place.database.batch([close('ada')])
    await until(feed, () => !knows('ada'))
    if (place.database.engine === 'PostgreSQL') await cut(place.database)
    await place.database.batch([close('bob')])
    await until(feed, () => !knows('bob'))
    remember('cat')
    await place.database.batch([close('cat')])
    await until(feed, () => !knows('cat'))
  },
)

/** Ends the line of every server, as soon as there is one. */
async function cut(database: Database): Promise<void> {
  for (let round = 0; round < MOST_LOOKS; round++) {
    const ended = await database.read(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'freddy-auth feed' AND datname = current_database()`,
    )
    if (ended.length) return
    await wait(10)
  }
  assert.fail('nobody listens')
}

onEach(
  'the database speaks up by itself, and again on the line that was opened after one was cut',
  async (place, after) => {
    await inhabit(place, 'ada', 'bob')
    let heard = 0
    const line = place.database.listen(() => heard++)
    after(() => line.close())
    const hears = async (more: () => Promise<unknown>) => {
      const before = heard
      await more()
      for (let round = 0; heard === before && round < MOST_LOOKS; round++) await wait(10)
      assert.ok(heard > before)
    }
    await hears(async () => {})
    await hears(() => place.database.batch([close('ada')]))
    await hears(() => cut(place.database))
    await hears(() => place.database.batch([close('bob')]))
  },
  ['PostgreSQL'],
)
