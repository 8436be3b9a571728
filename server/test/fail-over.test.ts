import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { startBouncer } from '../../scripts/testing/pgbouncer.ts'
import { type Cluster, makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { readConfig } from '../src/config.ts'
import { createChangeStore } from '../src/store/changes.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openFreshPostgres, type Place } from './databases.ts'
import { tryDoors } from './faults/doors.ts'
import { ask } from './faults/history.ts'
import { CLIENTS, closeStage, crowd, judgeAll, openStage, type Stage } from './faults/stage.ts'
import { PASSWORD } from './freddy.ts'
import { startProcess } from './server-process.ts'

const SEED = process.env.FAULT_SEED ?? 'freddy'

/** Longer than any promotion takes. */
const MOST_LOOKS = 1000

/** Two servers, of which the second has every commit before it is answered. */
interface Pair {
  readonly first: Cluster
  readonly second: Cluster
  /** Names both, for whoever wants the one that is written to. */
  readonly both: string
  readonly place: Place
}

async function openPair(t: TestContext): Promise<Pair> {
  const first = await makeCluster()
  t.after(() => first.stop())
  await first.start()
  const second = await first.follower('second')
  t.after(() => second.stop())
  await second.start()
  const { database, url, ...rest } = await openFreshPostgres(first.url)
  await database.read("ALTER SYSTEM SET synchronous_standby_names = 'second'")
  await database.read('SELECT pg_reload_conf()')
  while (!(await isFollowed(database))) await wait(20)
  await database.close()
  const hosts = `127.0.0.1:${first.port},127.0.0.1:${second.port}`
  const [, name] = /\/(\w+)$/.exec(url) ?? []
  const both = `postgresql://freddy@${hosts}/${name}?target_session_attrs=read-write`
  const place = { ...rest, url: both, database: await openPostgres({ url: both, poolSize: 2 }) }
  return { first, second, both, place: { ...place, drop: () => place.database.close() } }
}

async function isFollowed(database: Place['database']): Promise<boolean> {
  const rows = await database.read("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
  return rows.length > 0
}

test('F15: a primary that dies takes nothing with it that was answered, and its follower is found without a restart', async (t) => {
  const { first, second, both, place } = await openPair(t)
  const stage = await openStage('PostgreSQL', async () => place)
  const over = new AbortController()
  t.after(() => closeStage(stage))
  const server = await startProcess(stage.env)
  stage.servers.push(server)
  const { base } = server
  const { history } = stage
  const warm = useKey(base, await makeKey(stage), over.signal)
  const clients = crowd(stage, 'a', [SEED, 'F15'], over.signal)
  await Promise.race([history.sent('verify', 6), ...clients])
  await first.kill()
  const fell = performance.now()
  second.promote()
  for (let look = 0; (await tryWrite(base))?.status !== 201; look++) {
    assert.ok(look < MOST_LOOKS, 'it is written again')
    await wait(20)
  }
  t.diagnostic(`written again after ${Math.round(performance.now() - fell)} ms`)
  await Promise.race([history.sent('sign out', 1), ...clients])
  over.abort()
  await Promise.all(clients)
  assert.deepEqual(await warm, [200], 'a key that is known goes on')

  assert.deepEqual(await tryDoors({ base, history, deeds: [...history.deeds] }), [])
  await judgeAll(stage)
  await first.start()
  const again = await openPostgres({ url: both, poolSize: 1 })
  const [where] = await again.read('SELECT inet_server_port() AS port')
  await again.close()
  assert.equal(where?.port, second.port, 'the one that came back is not believed')
})

let newcomers = 0
const tryWrite = (base: string) =>
  ask(base, {
    line: 'POST /v1/auth/register',
    body: { email: `n${newcomers++}@example.org`, password: PASSWORD },
  })

/** A key of somebody who has no part in the record. */
async function makeKey({ servers, sink }: Stage): Promise<string> {
  const base = servers[0]?.base ?? ''
  const email = 'ada@example.org'
  const post = async (path: string, body: object, headers = {}) =>
    (await ask(base, { line: `POST ${path}`, body, headers }))?.body
  const { email_key } = await post('/v1/auth/register', { email, password: PASSWORD })
  while (!sink.codeFor(email)) await wait(10)
  const proof = { email_key, verification_code: sink.codeFor(email) }
  const { token } = await post('/v1/auth/verify', proof)
  const { key } = await post('/v1/api-keys', { name: 'k' }, { authorization: `Bearer ${token}` })
  return key
}

/** The statuses that somebody with a key hears all the while. */
async function useKey(base: string, key: string, over: AbortSignal): Promise<unknown[]> {
  const heard = new Set<unknown>()
  while (!over.aborted) {
    const answer = await ask(base, { line: 'GET /v1/models', headers: { 'api-key': key } })
    heard.add(answer?.status)
    await wait(10)
  }
  return [...heard]
}

test('behind PgBouncer in transaction mode all is as ever', async (t) => {
  const place = await openFreshPostgres()
  const bouncer = await startBouncer(Number(new URL(place.url).port))
  t.after(() => bouncer.stop())
  const stage = await openStage('PostgreSQL', async () => place)
  t.after(() => closeStage(stage))
  const url = new URL(`${place.url}?pgbouncer=true`)
  url.port = String(bouncer.port)
  // A client that waits for another one's hash is told to come again where a machine is busy.
  const own = { DATABASE_URL: url.href, HASH_THREADS: String(CLIENTS) }
  stage.servers.push(await startProcess({ ...stage.env, ...own }))
  const over = new AbortController()
  const clients = crowd(stage, 'a', [SEED, 'PgBouncer'], over.signal)
  await Promise.race([stage.history.sent('verify', 12), ...clients])
  over.abort()
  await Promise.all(clients)
  const { history, servers } = stage
  const deeds = [...history.deeds]
  assert.equal(deeds.filter(({ answer }) => (answer?.status ?? 0) >= 500).length, 0)
  assert.deepEqual(await tryDoors({ base: servers[0]?.base ?? '', history, deeds }), [])
  await judgeAll(stage)
  await hearsBehind(url.href, place)
})

/** Nobody can listen there: changes are looked for. */
async function hearsBehind(url: string, place: Place): Promise<void> {
  const database = await openPostgres({ url, poolSize: 1 })
  const changes = createChangeStore(database)
  changes.listen(() => {})
  const { horizon } = await changes.look(null, 1)
  await place.database.write('UPDATE users SET sessions_valid_after = sessions_valid_after + 1')
  const look = await changes.look(horizon, 10)
  await changes.close()
  await database.close()
  assert.ok(look.changes.length > 0)
}

test('several hosts are taken in DATABASE_URL, and a password may hold what stands between them', () => {
  const url = 'postgresql://freddy:a,b@one:5432,two:5433/freddy?target_session_attrs=read-write'
  assert.equal(readConfig({ DATABASE_URL: url }).databaseUrl, url)
  assert.throws(
    () => readConfig({ DATABASE_URL: 'postgresql://:x,two:5433/freddy' }),
    /DATABASE_URL/,
  )
})
