import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { databases, openFreshPostgres } from './databases.ts'
import { comeThrough } from './faults/come-through.ts'
import { tryDoors } from './faults/doors.ts'
import { judge } from './faults/judge.ts'
import { liveOnce } from './faults/lives.ts'
import { luckOf } from './faults/luck.ts'
import { openRoad } from './faults/road.ts'
import { closeStage, judgeAll, openStage } from './faults/stage.ts'
import { isAway, look, openScene } from './known-caller.ts'
import { startProcess } from './server-process.ts'

const SEED = process.env.FAULT_SEED ?? 'freddy'
/** As many as one server has, and what is being given up meanwhile. */
const MOST_HUNG = 14
const MOST_LOOKS = 500
/** `npm run faults` asks for every message, 2 for every second one. */
const STRIDE = Number(process.env.FAULT_STEPS ?? 0)
/** Those that every life has. */
const MESSAGES = 60

/** Somebody with the rights of an operator. */
async function operatorOf(t: TestContext, url: string): Promise<pg.Client> {
  const operator = new pg.Client({ connectionString: url })
  operator.on('error', () => {})
  await operator.connect()
  t.after(() => operator.end().catch(() => {}))
  return operator
}

test('F39: a follower that must have every commit and is gone keeps nobody waiting, and takes no connection for good', async (t) => {
  const cluster = await makeCluster()
  await cluster.start()
  const place = await openFreshPostgres(cluster.url)
  const scene = await openScene(t, place, place.url, { LIMITS: 'requests=off' })
  t.after(() => cluster.stop())
  const { freddy, token } = scene
  const operator = await operatorOf(t, place.url)
  const follow = async (name: string) => {
    await operator.query('SET synchronous_commit = off')
    await operator.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`)
    await operator.query('SELECT pg_reload_conf()')
    while (
      (await operator.query('SHOW synchronous_standby_names')).rows[0]
        ?.synchronous_standby_names !== name
    )
      await wait(10)
  }
  const make = (name: string) => freddy.ask('POST /v1/api-keys', { token, body: { name } })

  await follow('gone')
  for (const wave of [1, 2]) {
    const answers = Array.from({ length: 14 }, (_, index) => make(`k${wave} ${index}`))
    assert.equal((await look(scene)).status, 200, 'who is known goes on')
    for (const answer of await Promise.all(answers)) isAway(answer)
  }
  const hung = await operator.query(
    "SELECT count(*) AS count FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
  )
  assert.ok(Number(hung.rows[0]?.count) <= MOST_HUNG, `${hung.rows[0]?.count} wait there`)

  await follow('')
  for (let looks = 0; (await make('after')).status !== 201; looks++) {
    assert.ok(looks < MOST_LOOKS, 'it heals by itself')
    await wait(20)
  }
  const twice = await operator.query('SELECT name FROM api_keys GROUP BY name HAVING count(*) > 1')
  assert.deepEqual(twice.rows, [])
})

test('F41: a table that somebody holds, and times that an operator set, are told as an outage and not as a fault of ours', async (t) => {
  const place = await openFreshPostgres()
  const { freddy, token } = await openScene(t, place, place.url, { LIMITS: 'requests=off' })
  const operator = await operatorOf(t, place.url)
  const name = new URL(place.url).pathname.slice(1)
  const end = () =>
    operator.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'freddy-auth%'",
    )
  await operator.query(`ALTER DATABASE ${name} SET lock_timeout = '100ms'`)
  await end()
  const export_ = () => freddy.ask('GET /v1/user/export', { token })
  while ((await export_()).status !== 200) await wait(10)

  await operator.query('BEGIN')
  await operator.query('LOCK TABLE users, sessions IN ACCESS EXCLUSIVE MODE')
  isAway(
    await freddy.ask('POST /v1/auth/login', {
      body: { email_or_username: 'ada@example.com', password: 'x' },
    }),
  )
  isAway(await export_())
  await operator.query('COMMIT')
  assert.equal((await export_()).status, 200)
})

test('F42: connections that are ended again and again under load are told as an outage, and lose nothing', async (t) => {
  const stage = await openStage('PostgreSQL', databases[1].open)
  t.after(() => closeStage(stage))
  const operator = await operatorOf(t, stage.place.url)
  await comeThrough(stage, [SEED, 'F42'], async () => {
    for (let round = 0; round < 8; round++) {
      await stage.history.sent('verify', 1)
      await operator.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'freddy-auth%'`,
      )
    }
  })
})

test('F40: a connection that breaks or falls silent after any message, before its answer, is told as such, and what it did is there wholly or not at all', async (t) => {
  const place = await databases[1].open()
  const road = await openRoad(place.url)
  const stage = await openStage('PostgreSQL', async () => ({ ...place, url: road.url }))
  t.after(async () => {
    await closeStage(stage)
    await road.close()
  })
  const server = await startProcess(stage.env)
  stage.servers.push(server)
  const { history, sink } = stage
  const luck = luckOf(SEED, 'F40')
  const fates = ['is the last', 'is the last', 'stops half-way'] as const
  const steps = STRIDE ? MESSAGES / STRIDE : 4
  for (let step = 1; step <= steps; step++) {
    const message = STRIDE ? step * STRIDE : 1 + luck.below(MESSAGES)
    const first = history.deeds.length
    const since = Date.now()
    road.at(message, () => fates[step % 3] ?? 'is the last')
    const { signal } = new AbortController()
    await liveOnce({ name: `m${step}`, base: server.base, over: signal, history, sink })
    const heard = history.deeds.slice(first).filter(({ answer }) => answer === null)
    assert.deepEqual(heard, [], 'everybody is answered')
    const deeds = history.deeds.slice(first)
    const doors = await tryDoors({ base: server.base, history, deeds })
    const rows = await judge({ deeds, database: place.database, sink, since })
    assert.deepEqual([...doors, ...rows], [], `message ${message} of FAULT_SEED=${SEED}`)
  }
  road.at(Number.POSITIVE_INFINITY, () => 'goes on')
  const unknown = history.deeds.filter(({ answer }) => answer?.status === 503).length
  t.diagnostic(`${unknown} of ${steps} lives heard of it`)
  assert.ok(unknown > 0)
  await judgeAll(stage, steps, 0)
})
