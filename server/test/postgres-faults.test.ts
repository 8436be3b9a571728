import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { DatabaseUnavailable } from '../src/store/database.ts'
import { openPostgres } from '../src/store/postgres.ts'
import { openFreshPostgres } from './databases.ts'
import { openRoad } from './faults/road.ts'
import { type Answer, wrongCode } from './freddy.ts'
import { isAway, look, openScene, type Scene } from './known-caller.ts'

const options = (...settings: string[]) =>
  `?options=${encodeURIComponent(settings.map((setting) => `-c ${setting}`).join(' '))}`

/** How often each status was answered. */
const tally = (answers: readonly Answer[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, { length }]) => [
      status,
      length,
    ]),
  )

test('F10: a PostgreSQL that is only read from says so to who asks for health, and no guess is free', async (t) => {
  const place = await openFreshPostgres()
  const { freddy, ada, token, key } = await openScene(t, place)
  freddy.pass(61_000)
  const { email_key } = (await freddy.login(ada)).body
  const code = await freddy.codeFor(ada.email)
  const turn = async (value: 'on' | 'off') => {
    const admin = new pg.Client({ connectionString: place.url })
    await admin.connect()
    const name = new URL(place.url).pathname.slice(1)
    await admin.query('SET default_transaction_read_only = off')
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`)
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    )
    await admin.end()
    // The first to find its connection broken is told so.
    while ((await freddy.ask('GET /v1/auth/validate', { token })).status !== 200) await wait(10)
  }

  await turn('on')
  assert.equal((await freddy.ask('GET /readyz')).status, 503)
  for (let guess = 0; guess < 8; guess++) isAway(await freddy.verify(email_key, wrongCode(code)))
  isAway(await freddy.verify(email_key, Number(code)))
  isAway(await freddy.login(ada))
  assert.equal((await look({ freddy, key })).status, 200)

  await turn('off')
  assert.equal((await freddy.ask('GET /readyz')).status, 200)
  assert.equal((await freddy.verify(email_key, Number(code))).status, 200)
})

test('F16: when all connections are taken the others are told so, and who is known goes on', async (t) => {
  const place = await openFreshPostgres()
  const env = { DATABASE_CONNECTIONS: '2', LIMITS: 'requests=off' }
  const scene = await openScene(t, place, place.url, env)
  const { freddy, token } = scene
  await place.database.read(
    `CREATE FUNCTION sleep() RETURNS trigger AS
     'BEGIN PERFORM pg_sleep(0.7); RETURN NEW; END' LANGUAGE plpgsql`,
  )
  await place.database.read(
    'CREATE TRIGGER slow BEFORE INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION sleep()',
  )
  let answered = 0
  const make = (name: string) => freddy.ask('POST /v1/api-keys', { token, body: { name } })
  const crowd = Array.from({ length: 200 }, async (_, index) => {
    const answer = await make(`k${index}`)
    answered += 1
    return answer
  })
  await wait(100)
  for (const _ of [1, 2, 3]) {
    freddy.pass(1000)
    assert.equal((await freddy.ask('GET /readyz')).status, 200)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 200)
    assert.equal((await look(scene)).status, 200)
  }
  assert.ok(answered < 200, 'all that was while the others waited')
  const answers = await Promise.all(crowd)
  const { 201: made = 0, 503: refused = 0, ...rest } = tally(answers)
  assert.deepEqual(rest, {})
  assert.ok(made >= 2 && refused > 100, `${made} made, ${refused} refused`)
  for (const answer of answers) if (answer.status !== 201) isAway(answer)

  await place.database.read('DROP TRIGGER slow ON api_keys')
  assert.equal((await make('after')).status, 201)
  const [rows] = await place.database.read('SELECT count(*) AS count FROM api_keys')
  assert.equal(rows?.count, made + 2, 'who was told 503 made none')
})

test('F17: transactions that PostgreSQL refuses are tried again or told, and nothing happens twice', async (t) => {
  const place = await openFreshPostgres()
  const url = `${place.url}${options('default_transaction_isolation=serializable')}`
  const env = { LIMITS: 'requests=off,verify-source=off,refresh=off' }
  const { freddy, ada, token, refresh } = await openScene(t, place, url, env)
  // With the key that she has, as many as one may have.
  const many = <T>(ask: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 49 }, (_, index) => ask(index)))
  freddy.pass(61_000)
  const { email_key } = (await freddy.login(ada)).body
  const code = Number(await freddy.codeFor(ada.email))
  const verified = await many(() => freddy.verify(email_key, code))
  const rotated = await many(() =>
    freddy.ask('POST /v1/auth/refresh', { body: { refresh_token: refresh, rotate: true } }),
  )
  const made = await many((index) =>
    freddy.ask('POST /v1/api-keys', { token, body: { name: `k${index}` } }),
  )
  const fine = [200, 201, 401, 429, 503]
  for (const answers of [verified, rotated, made]) {
    t.diagnostic(JSON.stringify(tally(answers)))
    for (const { status, text } of answers) assert.ok(fine.includes(status), text)
  }
  const count = async (sql: string) => (await place.database.read(sql))[0]?.count
  const begun = verified.filter(({ status }) => status === 200).length
  assert.ok(begun <= 1, `${begun} sessions of one code`)
  assert.equal(await count('SELECT count(*) AS count FROM sessions'), 1 + begun)
  const heard = rotated.filter(({ status }) => status === 200)
  const successors = new Set(heard.map(({ body }) => body.refreshToken))
  assert.ok(successors.size <= 1, 'one token has one successor')
  const kept = made.filter(({ status }) => status === 201).length
  assert.ok(begun + successors.size + kept > 0, 'some get through')
  assert.equal(await count('SELECT count(*) AS count FROM api_keys'), 1 + kept)
})

test('F17: of two that wait for each other both get there, and each counts once', async (t) => {
  const place = await openFreshPostgres()
  t.after(place.drop)
  const url = `${place.url}${options('deadlock_timeout=20ms')}`
  const database = await openPostgres({ url })
  t.after(() => database.close())
  await database.migrate('0000-cups', 'CREATE TABLE cups (id TEXT PRIMARY KEY, marbles BIGINT);')
  await database.write("INSERT INTO cups (id, marbles) VALUES ('a', 0), ('b', 0)")
  const into = (id: string) => ({
    sql: 'UPDATE cups SET marbles = marbles + 1 WHERE id = :id RETURNING id',
    params: { id },
  })
  const orders = [
    ['a', 'b'],
    ['b', 'a'],
  ]
  const settled = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) =>
      database.batch((orders[index % 2] ?? []).map((id) => into(id))),
    ),
  )
  const done = settled.filter(({ status }) => status === 'fulfilled').length
  for (const each of settled) {
    if (each.status === 'rejected') assert.ok(each.reason instanceof DatabaseUnavailable)
  }
  assert.ok(done > 0)
  for (const { marbles } of await database.read('SELECT marbles FROM cups'))
    assert.equal(marbles, done)
})

test('F18: a database that is slow, slower, and silent is waited for as long as is sensible, and who is known goes on', async (t) => {
  const place = await openFreshPostgres()
  const road = await openRoad(place.url)
  t.after(() => road.close())
  const scene = await openScene(t, place, road.url, { LIMITS: 'requests=off' })
  const { freddy, token, refresh } = scene
  const renew = () => freddy.ask('POST /v1/auth/refresh', { body: { refresh_token: refresh } })

  road.delay(500)
  assert.equal((await renew()).status, 200, 'half a second is waited for')
  await onlyOneWaits(scene)

  for (const worsen of [() => road.delay(5000), () => road.swallow()]) {
    worsen()
    freddy.pass(1000)
    const crowd = Array.from({ length: 100 }, () => freddy.ask('GET /v1/user/me', { token }))
    await onlyOneWaits(scene)
    assert.equal((await freddy.ask('GET /livez')).status, 200)
    for (const answer of await Promise.all([...crowd, renew()])) isAway(answer)
  }
  assert.equal((await freddy.ask('GET /readyz')).status, 503)

  road.mend()
  for (let tries = 0; (await renew()).status !== 200; tries++) {
    assert.ok(tries < 20, 'it heals by itself')
    await wait(100)
  }
  assert.equal((await freddy.ask('GET /readyz')).status, 200)
})

/** Of many who use a key that is known one asks the database, and nobody else waits for its answer. */
async function onlyOneWaits(scene: Scene): Promise<void> {
  scene.freddy.pass(1000)
  let isAnswered = false
  const first = look(scene).then(({ status }) => {
    isAnswered = true
    return status
  })
  const others = await Promise.all(Array.from({ length: 20 }, () => look(scene)))
  assert.deepEqual(tally(others), { 200: 20 })
  assert.equal(isAnswered, false, 'the database is still asked')
  assert.equal(await first, 200)
}
