import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { counter, takeTry } from '../src/auth/budget.ts'
import { createLimiter } from '../src/limiter/limiter.ts'
import { limits } from '../src/limits.ts'
import { createSweepStore } from '../src/store/sweep.ts'
import { DAY, MINUTE, scene } from './freddy.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const MIB = 1024 * 1024

test('attack 016: other sources, however many, free nobody who is held back', async () => {
  const limiter = createLimiter(limits, 50)
  const row = 'username-check'
  for (let call = 0; call < 20; call++) await limiter.take(row, 'hammer', NOW)
  for (let call = 0; call < 5; call++) await limiter.take(row, 'honest', NOW)
  for (let count = 0; count < 1000; count++) await limiter.take(row, `source ${count}`, NOW)

  assert.equal((await limiter.take(row, 'hammer', NOW)).allowed, false)
  assert.equal((await limiter.look(row, 'honest', NOW)).remaining, 20, 'forgotten: it had room')
  assert.equal((await limiter.look(row, 'source 999', NOW)).remaining, 19, 'still remembered')

  const later = NOW + MINUTE
  for (let count = 0; count < 1000; count++) await limiter.take(row, `later ${count}`, later)
  assert.equal((await limiter.look(row, 'hammer', later)).remaining, 20)
})

test('attack 016: while every row is held back none is freed, and newcomers still pass', async () => {
  const limiter = createLimiter(limits, 20)
  const hammers = Array.from({ length: 20 }, (_, count) => `hammer ${count}`)
  for (const of of hammers) {
    for (let call = 0; call < 20; call++) await limiter.take('username-check', of, NOW)
  }
  for (let count = 0; count < 100; count++) {
    assert.ok((await limiter.take('username-check', `new ${count}`, NOW)).allowed)
  }
  for (const of of hammers) {
    assert.equal((await limiter.look('username-check', of, NOW)).allowed, false, of)
  }
})

test('attack 016: three hundred thousand sources cost less than 64 MiB', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const before = process.memoryUsage().heapUsed
  const limiter = createLimiter(limits)
  for (let count = 0; count < 300_000; count++) {
    await limiter.take('register-source', `2001:db8:${count.toString(16)}::/64`, NOW)
  }
  collect()
  const grown = process.memoryUsage().heapUsed - before
  assert.ok(grown < 64 * MIB, `${Math.round(grown / MIB)} MiB`)
  assert.equal((await limiter.look('register-source', '2001:db8:493df::/64', NOW)).remaining, 59)
})

scene(
  'attack 016: names that strangers make up are bounded, and what is spent stays until its time',
  async ({ database, running, now, pass }) => {
    const { app } = running
    const spent = [
      ['stranger-mails', 1],
      ['account-exists-mails', 1],
      ['login-account-source', 5],
      ['login-account', 10],
      ['login-source', 20],
      ['code-account', 8],
    ] as const
    const rows = spent.map(([name]) => counter(app, name, ['victim']))
    for (const [index, [, tries]] of spent.entries()) {
      for (let count = 0; count < tries; count++) {
        assert.equal(await takeTry(app, rows.slice(index, index + 1), now()), 0)
      }
    }
    pass(1)
    const roomy = spent.filter(([, tries]) => tries > 1)
    for (let count = 0; count < 20; count++) {
      const made = roomy.map(([name]) => counter(app, name, [`made up ${count}`]))
      for (const row of made) assert.equal(await takeTry(app, [row], now()), 0)
    }
    const kept = async () => (await database.read('SELECT key FROM budgets')).length
    assert.equal(await kept(), 86)

    const sweep = createSweepStore(database, 10)
    await sweep.expired(now(), { auditDays: 90 })
    assert.equal(await kept(), 10)
    for (const row of rows) assert.ok((await takeTry(app, [row], now())) > 0, row.name)

    await createSweepStore(database, 0).expired(now(), { auditDays: 90 })
    assert.equal(await kept(), spent.length)
    pass(15 * MINUTE)
    await createSweepStore(database, 0).expired(now(), { auditDays: 90 })
    const names = await database.read<{ name: string }>('SELECT name FROM budgets ORDER BY name')
    assert.deepEqual(
      names.map(({ name }) => name),
      ['account-exists-mails', 'code-account'],
    )
  },
)

scene(
  'what is over goes in one sweep, however much there is',
  async ({ database, running, now }) => {
    await database.write(
      `INSERT INTO budgets (key, name, user_id, log, streak, last_try, expires_at)
      WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
      SELECT 'over ' || n, 'login-account', NULL, '', 0, 'x', CAST(:ended AS BIGINT) FROM numbers`,
      { ended: now() - 1 },
    )
    assert.equal(await running.app.store.sweep.expired(now(), { auditDays: 90 }), 2500)
  },
)

scene(
  'F38: what is over, or one too many, goes a thousand rows at a time',
  async ({ database, now }) => {
    await database.write(
      `INSERT INTO budgets (key, name, user_id, log, streak, last_try, expires_at)
      WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
      SELECT 'key ' || n, 'login-account', NULL, '', 0, 'x',
        CAST(:now AS BIGINT) + CASE WHEN n > 2500 THEN 1 ELSE 0 END FROM numbers`,
      { now: now() },
    )
    const bites: number[] = []
    const watched: typeof database = {
      ...database,
      async write<R>(sql: string, params = {}) {
        const rows = await database.write<R>(sql, params)
        bites.push(rows.length)
        return rows
      },
    }
    const gone = await createSweepStore(watched, 3500).expired(now(), { auditDays: 90 })
    assert.ok(gone >= 2500 && gone <= 4000, String(gone))
    assert.ok(Math.max(...bites) <= 1000, String(bites))
    const [row] = await database.read<{ left: number }>('SELECT count(*) AS left FROM budgets')
    assert.equal(row?.left, 5000 - gone)
  },
)

scene('F38: a device goes when it is known no more', async (freddy) => {
  await freddy.signIn(await freddy.person('ada'))
  const devices = async () => (await freddy.database.read('SELECT id FROM devices')).length
  const { sweep } = freddy.running.app.store
  freddy.pass(179 * DAY)
  await sweep.expired(freddy.now(), freddy.running.app.config)
  assert.equal(await devices(), 1)
  freddy.pass(DAY)
  await sweep.expired(freddy.now(), freddy.running.app.config)
  assert.equal(await devices(), 0)
})
