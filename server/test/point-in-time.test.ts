import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Cluster, makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openFreshPostgres } from './databases.ts'
import { type Freddy, startFreddy } from './freddy.ts'
import { shellOn } from './shell.ts'

const MOST_LOOKS = 1000

/** A table that takes longer than a caller would wait. */
const SLEEP = `CREATE FUNCTION sleep() RETURNS trigger AS
  'BEGIN PERFORM pg_sleep(2.2); RETURN NEW; END' LANGUAGE plpgsql`
const EACH = 'FOR EACH ROW EXECUTE FUNCTION sleep()'

/** A PostgreSQL that puts every part of its log aside, as docs/operating.md says. */
async function openArchiving(t: TestContext) {
  const archive = mkdtempSync(join(tmpdir(), 'freddy-archive-'))
  chmodSync(archive, 0o777)
  const command = `archive_command=test ! -f ${archive}/%f && cp %p ${archive}/%f`
  const cluster = await makeCluster(['wal_level=replica', 'archive_mode=on', command])
  t.after(async () => {
    await cluster.stop()
    rmSync(archive, { recursive: true, force: true })
  })
  await cluster.start()
  return { cluster, archive }
}

async function look<Row>(url: string, sql: string): Promise<Row | undefined> {
  const database = await openPostgres({ url, poolSize: 1 })
  try {
    return (await database.read<Row>(sql))[0]
  } finally {
    await database.close()
  }
}

/** Everything that was written until now is in the archive. */
async function archiveAll(url: string, archive: string): Promise<void> {
  const sql = 'SELECT pg_walfile_name(pg_current_wal_lsn()) AS last, pg_switch_wal() AS switched'
  const { last = '' } = (await look<{ last: string }>(url, sql)) ?? {}
  for (let looks = 0; !readdirSync(archive).includes(last); looks++) {
    assert.ok(looks < MOST_LOOKS, `${last} is archived`)
    await wait(20)
  }
}

async function startAgain(t: TestContext, cluster: Cluster): Promise<void> {
  t.after(() => cluster.stop())
  await cluster.start()
  const isRecovering = 'SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END AS still'
  for (let looks = 0; ; looks++) {
    const row = await look<{ still: number }>(cluster.url, isRecovering).catch(() => null)
    if (row?.still === 0) return
    assert.ok(looks < MOST_LOOKS, 'it is written to again')
    await wait(20)
  }
}

/** The statuses of a token and of two keys. */
async function doors({ ask }: Pick<Freddy, 'ask'>, token: string, keys: readonly string[]) {
  const codeOf = async (headers: Record<string, string>) => {
    const { status, body } = await ask('GET /v1/models', { headers })
    return status === 200 ? 200 : body.error.code
  }
  const own = await codeOf({ authorization: `Bearer ${token}` })
  return [own, ...(await Promise.all(keys.map((key) => codeOf({ 'api-key': key }))))]
}

test('F36: a PostgreSQL that was brought back to a moment opens nothing that was ended since, once the shell was told', async (t) => {
  const { cluster, archive } = await openArchiving(t)
  const place = await openFreshPostgres(cluster.url)
  const freddy = await startFreddy(place.url, 'PostgreSQL')
  const ada = await freddy.person('ada')
  const early = (await freddy.signIn(ada)).token
  const make = async (name: string) =>
    (await freddy.ask('POST /v1/api-keys', { token: early, body: { name } })).body
  const stolen = await make('stolen')
  const restoreTo = await cluster.copy()
  const late = await make('late')
  const moment = await look<{ now: string }>(place.url, 'SELECT now()::text AS now')

  await freddy.ask(`DELETE /v1/api-keys/${stolen.id}`, { token: early })
  await freddy.ask('POST /v1/auth/logout', { token: early, body: {} })
  await place.database.write("UPDATE users SET full_name = 'Mallory'")
  await archiveAll(place.url, archive)
  await freddy.running.close()
  await freddy.mail.close()
  await place.database.close()
  await cluster.kill()

  const recovered = restoreTo([
    `restore_command=cp ${archive}/%f %p`,
    `recovery_target_time=${moment?.now}`,
    'recovery_target_action=promote',
  ])
  await startAgain(t, recovered)
  const databaseUrl = recovered.url.replace(/\/[^/]*$/, new URL(place.url).pathname)
  const revived = await startFreddy(databaseUrl, 'PostgreSQL')
  t.after(async () => {
    await revived.running.close()
    await revived.mail.close()
  })
  const keys = [stolen.key, late.key]
  assert.deepEqual(await doors(revived, early, keys), [200, 200, 200], 'what was ended is back')

  await look(databaseUrl, SLEEP)
  await look(databaseUrl, `CREATE TRIGGER slow BEFORE UPDATE ON users ${EACH}`)
  const at = { databaseUrl, dataDir: revived.running.app.config.dataDir }
  const plan = shellOn(at, ['restored'])
  assert.match(plan.text, /1 sessions and 2 API keys/)
  assert.equal(plan.status, 0, plan.text)
  const done = shellOn(at, ['restored', '--confirm'])
  assert.equal(done.status, 0, done.text)

  await look(databaseUrl, 'DROP TRIGGER slow ON users')
  revived.pass(1000)
  const ended = ['TOKEN_INVALID', 'API_KEY_PAUSED', 'API_KEY_PAUSED']
  assert.deepEqual(await doors(revived, early, keys), ended)
  revived.pass(61_000)
  await revived.signIn(ada)
  const name = await look<{ full_name: unknown }>(databaseUrl, 'SELECT full_name FROM users')
  assert.equal(name?.full_name, null, 'what came after the moment is gone')
  assert.match(shellOn(at, ['audit', 'tail']).text, /database\.restored.* by shell/)
})
