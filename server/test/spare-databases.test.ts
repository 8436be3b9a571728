import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { prepareSpareDatabases, spareDatabases } from '../../scripts/testing/spare-databases.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openFreshPostgres } from './databases.ts'
import { startFreddy } from './freddy.ts'

/** A list of spare databases that is nobody else's. */
async function openList(t: TestContext) {
  const { TEST_POSTGRES_TEMPLATE: template = '' } = process.env
  const list = await openFreshPostgres()
  await prepareSpareDatabases(list.url, template)
  const spares = spareDatabases(list.url, template)
  const taken = new Set<string>()
  t.after(async () => {
    for (const name of taken) await list.database.read(`DROP DATABASE IF EXISTS ${name}`)
    await list.drop()
  })
  return {
    giveBack: spares.giveBack,
    async take() {
      const name = await spares.take()
      taken.add(name)
      return { name, url: list.url.replace(/\/[^/]*$/, `/${name}`) }
    },
    waiting: async () => (await list.database.read('SELECT name FROM spare')).length,
  }
}

const TABLES = `SELECT CAST(relname AS TEXT) AS name FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations'`

const PAGES = `SELECT CAST(relname AS TEXT) AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
  AND relkind = 'r' AND relname <> 'schema_migrations' AND pg_relation_size(oid) > 0`

/** How many rows each table has. */
async function rowsAt(url: string): Promise<Record<string, number>> {
  const database = await openPostgres({ url })
  const tables = await database.read<{ name: string }>(TABLES)
  const counted: [string, number][] = []
  for (const { name } of tables) {
    const rows = await database.read(`SELECT 1 AS one FROM ${name}`)
    counted.push([name, rows.length])
  }
  await database.close()
  return Object.fromEntries(counted)
}

test('a scene finds nothing of the one before in its database, and nobody of it comes in', async (t) => {
  const { take, giveBack, waiting } = await openList(t)
  const first = await take()
  const freddy = await startFreddy(first.url, 'PostgreSQL')
  await freddy.signIn(await freddy.person('ada'))
  await freddy.running.close()
  await freddy.mail.close()
  const { users, sessions, devices } = await rowsAt(first.url)
  assert.deepEqual({ users, sessions, devices }, { users: 1, sessions: 1, devices: 1 })
  const late = await openPostgres({ url: first.url })

  await giveBack(first.name)
  assert.equal(await waiting(), 1)
  const second = await take()
  assert.equal(await waiting(), 0)
  const left = await rowsAt(second.url)
  assert.ok(Object.keys(left).length > 20)
  assert.deepEqual(
    Object.entries(left).filter(([, count]) => count > 0),
    [],
  )
  const now = await openPostgres({ url: second.url })
  assert.deepEqual(await now.read(PAGES), [], 'rows would lie in holes, in another order')
  await now.close()
  await assert.rejects(late.read('SELECT 1 AS one'))
  await late.close()
})

for (const change of [
  'DROP INDEX changes_by_moment',
  'ALTER TABLE users ADD COLUMN shoes BIGINT',
  'ALTER TABLE users DISABLE TRIGGER users_gone',
  'ALTER TABLE users RENAME COLUMN full_name TO fuller_name',
  'CREATE OR REPLACE FUNCTION note_change(person TEXT) RETURNS VOID LANGUAGE sql AS $$ $$',
]) {
  test(`no other scene gets a database after ${change}`, async (t) => {
    const { take, giveBack, waiting } = await openList(t)
    const { name, url } = await take()
    const database = await openPostgres({ url })
    await database.read(change)
    await database.close()
    await giveBack(name)
    assert.equal(await waiting(), 0)
  })
}
