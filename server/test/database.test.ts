import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import pg from 'pg'
import { type Bulk, DatabaseUnavailable } from '../src/store/database.ts'
import { migrate } from '../src/store/migrate.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openSqlite } from '../src/store/sqlite.ts'
import { databases, type Place } from './databases.ts'

const table = `CREATE TABLE marbles (
  id TEXT PRIMARY KEY,
  colour TEXT,
  weight BIGINT NOT NULL
);
CREATE INDEX marbles_by_colour ON marbles (colour);
`

const put = (id: string, weight = 1) => ({
  sql: 'INSERT INTO marbles (id, colour, weight) VALUES (:id, :colour, :weight) RETURNING id',
  params: { id, colour: null, weight },
})

function onEach(name: string, tell: (place: Place) => Promise<void>): void {
  for (const { name: engine, openEmpty } of databases) {
    test(`${name} (${engine})`, async () => {
      const place = await openEmpty()
      try {
        await place.database.migrate('0000-marbles', table)
        await tell(place)
      } finally {
        await place.drop()
      }
    })
  }
}

onEach('what was written is read, numbers as numbers and nothing as null', async ({ database }) => {
  const weight = 1_795_435_200_000
  const { sql, params } = put('a', weight)
  assert.deepEqual(await database.write(sql, params), [{ id: 'a' }])
  const [row] = await database.read(
    'SELECT id, colour, weight FROM marbles WHERE id = :id OR id = :id',
    { id: 'a' },
  )
  assert.deepEqual({ ...row }, { id: 'a', colour: null, weight })
  const [sums] = await database.read('SELECT count(*) AS count, sum(weight) AS sum FROM marbles')
  assert.deepEqual({ ...sums }, { count: 1, sum: weight })
})

onEach('text that looks like SQL or like a parameter is text', async ({ database }) => {
  for (const id of ["' OR '1'='1", '"; DROP TABLE marbles; --', ':id', '$1', '%', 'ü🔑', '\\']) {
    await database.write(put(id).sql, put(id).params)
    const rows = await database.read('SELECT id FROM marbles WHERE id = :id', { id })
    assert.deepEqual(
      rows.map((row) => row.id),
      [id],
    )
  }
  const [row] = await database.read("SELECT ':id' AS text, '::' AS colons FROM marbles LIMIT 1")
  assert.equal(row?.text, ':id')
})

onEach('of two hundred who change one row on one condition, one does', async ({ database }) => {
  await database.write(put('a').sql, put('a').params)
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      database.write(
        'UPDATE marbles SET colour = :colour WHERE id = :id AND colour IS NULL RETURNING id',
        {
          id: 'a',
          colour: `c${index}`,
        },
      ),
    ),
  )
  assert.equal(answers.filter((rows) => rows.length === 1).length, 1)
})

onEach('a batch is kept whole or not at all', async ({ database }) => {
  await database.batch([put('a'), put('b')])
  await assert.rejects(database.batch([put('c'), put('a'), put('d')]))
  const rows = await database.read('SELECT id FROM marbles ORDER BY id')
  assert.deepEqual(
    rows.map((row) => row.id),
    ['a', 'b'],
  )
  const results = await database.batch([
    put('e'),
    { sql: 'UPDATE marbles SET weight = 2 WHERE id = :id RETURNING weight', params: { id: 'e' } },
  ])
  assert.deepEqual(
    results.map((list) => list.map((row) => ({ ...row }))),
    [[{ id: 'e' }], [{ weight: 2 }]],
  )
})

onEach('a job that fails leaves those beside it alone, and order is kept', async ({ database }) => {
  await database.write(put('same').sql, put('same').params)
  const jobs = Array.from({ length: 60 }, (_, index) => {
    if (index % 3 === 0) return database.batch([put(`b${index}`), put('same')])
    if (index % 3 === 1) return database.write(put('same').sql, put('same').params)
    return database.write(put(`w${index}`).sql, put(`w${index}`).params)
  })
  const settled = await Promise.allSettled(jobs)
  for (const [index, { status }] of settled.entries()) {
    assert.equal(status, index % 3 === 2 ? 'fulfilled' : 'rejected', String(index))
  }
  const [row] = await database.read('SELECT count(*) AS count FROM marbles')
  assert.equal(row?.count, 21)
})

const putMany = (rows: readonly (readonly [string, string | null, number])[]): Bulk => ({
  sql: `INSERT INTO marbles (id, colour, weight) SELECT r.id, r.colour, r.weight FROM :rows AS r
    WHERE r.weight > 0 ORDER BY r.id DESC`,
  columns: { id: 'TEXT', colour: 'TEXT', weight: 'BIGINT' },
  rows,
})

onEach('many rows go as one statement, and stay what they were', async ({ database }) => {
  const texts = [
    "' OR '1'='1",
    ':id',
    '$1',
    '{}',
    '{a,"b"}',
    'NULL',
    '',
    ' ',
    '\\',
    'ü🔑',
    '?',
    '"',
  ]
  const rows = texts.map((text, at) => [`m${at}`, text, 1_795_435_200_000 + at] as const)
  const answers = await database.batch([
    putMany([...rows, ['none', null, 1], ['light', 'red', 0]]),
    put('after'),
  ])
  assert.deepEqual(
    answers.map((list) => list.length),
    [0, 1],
  )
  const kept = await database.read<{ id: string; colour: string | null; weight: number }>(
    'SELECT id, colour, weight FROM marbles',
  )
  const byId = new Map(kept.map(({ id, colour, weight }) => [id, [id, colour, weight]]))
  assert.equal(byId.size, rows.length + 2)
  assert.deepEqual(byId.get('none'), ['none', null, 1])
  for (const row of rows) assert.deepEqual(byId.get(row[0]), row)
})

onEach('of many rows with a wrong one none is kept, and the job beside them is', async (place) => {
  const { database } = place
  for (const wrong of [0.5, 1e300]) {
    const jobs = [
      database.write(put(`before ${wrong}`).sql, put(`before ${wrong}`).params),
      database.batch([
        putMany([
          ['a', null, 1],
          ['b', null, wrong],
          ['c', null, 1],
        ]),
      ]),
      database.batch([
        put('d'),
        putMany([
          ['e', null, 1],
          ['e', null, 1],
        ]),
      ]),
      database.batch([put(`after ${wrong}`), putMany([[`many ${wrong}`, null, 1]])]),
    ]
    const settled = await Promise.allSettled(jobs)
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    )
  }
  const kept = await database.read<{ id: string }>('SELECT id FROM marbles ORDER BY id')
  assert.deepEqual(
    kept.map(({ id }) => id),
    [0.5, 1e300].flatMap((wrong) => [`after ${wrong}`, `before ${wrong}`, `many ${wrong}`]).sort(),
  )
})

onEach('who was answered reads what was written', async ({ database }) => {
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      await database.write(put(`m${index}`).sql, put(`m${index}`).params)
      const rows = await database.read('SELECT id FROM marbles WHERE id = :id', { id: `m${index}` })
      assert.equal(rows.length, 1)
    }),
  )
})

onEach('a migration is applied once, whoever else comes', async ({ database, reopen }) => {
  const others = await Promise.all([reopen(), reopen(), reopen()])
  const script = 'CREATE TABLE once (\n  id TEXT PRIMARY KEY\n);\n'
  const answers = await Promise.all(
    [database, ...others, database].map((each) => each.migrate('0001-once', script)),
  )
  assert.equal(answers.filter(Boolean).length, 1)
  for (const other of others) await other.close()
})

onEach('a migration that fails leaves nothing behind', async ({ database }) => {
  const script =
    'CREATE TABLE half (\n  id TEXT PRIMARY KEY\n);\nCREATE TABLE half (\n  id TEXT PRIMARY KEY\n);\n'
  await assert.rejects(database.migrate('0001-half', script))
  await assert.rejects(database.read('SELECT id FROM half'))
  assert.equal(
    await database.migrate('0001-half', 'CREATE TABLE half (\n  id TEXT PRIMARY KEY\n);\n'),
    true,
  )
})

test('a database that is ahead of this server is refused with a sentence', async () => {
  for (const { openEmpty } of databases) {
    const { database, drop } = await openEmpty()
    await migrate(database)
    assert.deepEqual(await migrate(database), [])
    await database.migrate(
      '9999-from-the-future',
      'CREATE TABLE future (\n  id TEXT PRIMARY KEY\n);\n',
    )
    await assert.rejects(migrate(database), /start a newer server/)
    await drop()
  }
})

test('SQLite syncs each commit, in WAL, in strict tables that refuse a wrong type', async () => {
  const place = await databases[0].openEmpty()
  await migrate(place.database)
  const look = new DatabaseSync(place.url)
  assert.equal(look.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal')
  const tables = look
    .prepare(
      "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'",
    )
    .all()
  assert.deepEqual(
    tables.filter(({ strict }) => strict !== 1),
    [],
  )
  look.close()
  await assert.rejects(
    place.database.write("INSERT INTO settings (name, value) VALUES ('x', NULL)"),
  )
  await place.drop()
})

test('SQLite keeps what was asked for right before it is closed', async () => {
  const place = await databases[0].openEmpty()
  await place.database.migrate('0000-marbles', table)
  const database = await openSqlite({ path: place.url })
  const kept = database.write(put('a').sql, put('a').params)
  await database.close()
  assert.deepEqual((await kept).length, 1)
  assert.deepEqual((await place.database.read('SELECT id FROM marbles')).length, 1)
  await place.drop()
})

test('F11: a database that another process holds is unavailable, and works again when it is let go', async () => {
  const place = await databases[0].openEmpty()
  const database = await openSqlite({ path: place.url, busyTimeoutMs: 50 })
  await database.migrate('0000-marbles', table)
  const other = new DatabaseSync(place.url)
  other.exec('BEGIN IMMEDIATE')
  const first = assert.rejects(database.write(put('a').sql, put('a').params), DatabaseUnavailable)
  // Behind a turn of the loop it is no part of the group that is under way.
  await turn()
  const later = assert.rejects(database.write(put('b').sql, put('b').params), DatabaseUnavailable)
  await first
  assert.deepEqual(await database.read('SELECT id FROM marbles'), [])
  other.exec('ROLLBACK')
  other.close()
  // It waited for the same, and for as long.
  await later
  assert.deepEqual((await database.write(put('a').sql, put('a').params)).length, 1)
  await database.close()
  await place.drop()
})

test('a database that has no room, or is only read, is unavailable: no statement is at fault', async () => {
  const [sqlite, postgres] = [await databases[0].openEmpty(), await databases[1].openEmpty()]
  const big = { ...put('big').params, colour: 'x'.repeat(100_000) }
  await sqlite.database.migrate('0000-marbles', table)
  await sqlite.database.write('PRAGMA max_page_count = 20')
  await assert.rejects(sqlite.database.write(put('big').sql, big), DatabaseUnavailable)
  await assert.rejects(
    sqlite.database.batch([put('a'), { sql: put('big').sql, params: big }]),
    DatabaseUnavailable,
  )
  assert.equal((await sqlite.database.write(put('a').sql, put('a').params)).length, 1)
  await sqlite.drop()

  await postgres.database.migrate('0000-marbles', table)
  const url = `${postgres.url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`
  const onlyRead = await openPostgres({ url })
  await assert.rejects(onlyRead.batch([put('a'), put('b')]), DatabaseUnavailable)
  await onlyRead.close()
  await postgres.drop()
})

test('F14: connections that PostgreSQL ended are replaced', async () => {
  const place = await databases[1].openEmpty()
  await place.database.migrate('0000-marbles', table)
  const admin = new pg.Client({ connectionString: place.url })
  await admin.connect()
  for (let round = 0; round < 3; round++) {
    await admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    const answers = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) =>
        place.database.write(put(`${round}-${index}`).sql, put(`${round}-${index}`).params),
      ),
    )
    for (const answer of answers) {
      if (answer.status === 'rejected')
        assert.ok(answer.reason instanceof DatabaseUnavailable, String(answer.reason))
    }
    assert.equal(
      (await place.database.write(put(`after ${round}`).sql, put(`after ${round}`).params)).length,
      1,
    )
  }
  await admin.end()
  await place.drop()
})

onEach('a snapshot is of one moment, whoever writes meanwhile', async ({ database }) => {
  const count = { sql: 'SELECT count(*) AS count FROM marbles', params: {} }
  const seen = new Set<unknown>()
  const writes = Array.from({ length: 200 }, (_, index) => index).reduce(
    (before, index) => before.then(() => database.batch([put(`a${index}`), put(`b${index}`)])),
    Promise.resolve<unknown>(null),
  )
  let writing = true
  writes.finally(() => (writing = false))
  while (writing) {
    const counts = await database.snapshot([count, count, count])
    const [first] = counts.map(([row]) => row?.count)
    assert.deepEqual(
      counts.map(([row]) => row?.count),
      [first, first, first],
    )
    assert.equal(Number(first) % 2, 0)
    seen.add(first)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(seen.size > 1, 'something was written between two snapshots')
})
