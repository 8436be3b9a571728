import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { warnOfLog } from '../src/jobs.ts'
import { databases, type Place } from './databases.ts'
import { type Answer, type Freddy, PASSWORD, startFreddy } from './freddy.ts'

const METRICS_TOKEN = 'a-token-of-prometheus-alone'
/** Longer than one look at the log. */
const MOST_LOOKS = 200
const LOG_BYTES = 64 * 1024 * 1024

/** Somebody else who is in the database, and lets go. */
interface Holder {
  release(): Promise<void>
}

/** Nobody else writes while this one holds: a copy, a report or a shell that was left open. */
async function holdWrites({ url }: Place): Promise<Holder> {
  if (!url.startsWith('postgres')) {
    const other = new DatabaseSync(url)
    other.exec('BEGIN IMMEDIATE')
    return { release: async () => other.close() }
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE challenges, settings IN EXCLUSIVE MODE')
  return { release: () => client.end() }
}

for (const { name: engine, open } of databases) {
  test(`F11: what another process holds for a second is waited for, and for longer is told (${engine})`, async (t) => {
    const place = await open()
    const freddy = await startFreddy(place.url, engine)
    t.after(async () => {
      await freddy.running.close()
      await freddy.mail.close()
      await place.drop()
    })
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)

    const brief = await holdWrites(place)
    const waiting = track(freddy.login(ada))
    await wait(1000)
    await requireAwake(freddy, token)
    assert.equal(waiting.answer, null, 'a login waits for who holds the database')
    await brief.release()
    assert.equal((await waiting.answered).status, 200)

    freddy.pass(61_000)
    const long = await holdWrites(place)
    const asked = [freddy.login(ada), register(freddy, 'bob'), freddy.ask('GET /readyz')] as const
    const late = asked.map(track)
    while (late.some(({ answer }) => answer === null)) {
      await requireAwake(freddy, token)
      await wait(50)
    }
    const [login, registration, readiness] = await Promise.all(asked)
    for (const answer of [login, registration]) isAway(answer)
    assert.equal(readiness.status, 503)
    await long.release()
    assert.equal((await freddy.ask('GET /readyz')).status, 200)
    assert.equal((await register(freddy, 'bob')).status, 201, 'nothing of it was half kept')
  })
}

/** The loop turns and reads go on: what holds up writers holds up nobody else. */
async function requireAwake(freddy: Pick<Freddy, 'ask'>, token: string): Promise<void> {
  assert.equal((await freddy.ask('GET /livez')).status, 200)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 200)
}

const register = ({ ask }: Pick<Freddy, 'ask'>, name: string) =>
  ask('POST /v1/auth/register', { body: { email: `${name}@example.com`, password: PASSWORD } })

function track(answered: Promise<Answer>) {
  const tracked = { answered, answer: null as Answer | null }
  void answered.then((answer) => {
    tracked.answer = answer
  })
  return tracked
}

function isAway({ status, text, headers }: Answer): void {
  assert.equal(status, 503, text)
  assert.match(String(headers['retry-after']), /^\d+$/)
}

test('F13: who reads SQLite for long is told of before the disk is full, and the log is cut when they are done', async (t) => {
  const place = await databases[0].open()
  const freddy = await startFreddy(place.url, 'SQLite', { env: { METRICS_TOKEN } })
  t.after(async () => {
    await freddy.running.close()
    await freddy.mail.close()
    await place.drop()
  })
  const { app } = freddy.running
  const logBytes = () => app.store.inspection.logBytes() ?? 0
  const warnings = () => freddy.log.filter((line) => line.includes('"database.log"'))
  const told = async () => {
    const { text } = await freddy.ask('GET /metrics', { token: METRICS_TOKEN })
    return Number(/^freddy_database_log_bytes (\d+)/m.exec(text)?.[1])
  }
  const fill = async (letter: string) => {
    for (let mb = 0; mb < 72; mb++) await app.store.settings.put(`x${mb}`, letter.repeat(1_000_000))
  }
  await fill('a')
  warnOfLog(app)
  assert.ok(logBytes() < LOG_BYTES, 'where nobody reads for long it is written back in time')
  assert.deepEqual(warnings(), [])

  const reader = new DatabaseSync(place.url, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) AS count FROM settings').get()
  await fill('b')
  assert.ok(logBytes() > LOG_BYTES, `${logBytes()}`)
  warnOfLog(app)
  assert.match(warnings()[0] ?? '', /"level":40.*"count":\d{8}/)
  assert.equal(await told(), logBytes())
  assert.equal((await freddy.ask('GET /readyz')).status, 200, 'it is written on')

  reader.close()
  for (let look = 0; logBytes() > LOG_BYTES; look++) {
    assert.ok(look < MOST_LOOKS, 'the log is cut')
    await wait(25)
  }
  assert.equal((await freddy.ask('GET /readyz')).status, 200)
})
