import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { noticeDrift } from '../src/auth/clock-drift.ts'
import { type Freddy, scene, startFreddy } from './freddy.ts'

const SECOND = 1000
const hello = { model: 'echo-1', input: 'Hello' }

/** The whole of a person's day: in by a code, on by a refresh, a key and a call by it. */
async function liveADay(freddy: Freddy, name: string): Promise<void> {
  const session = await freddy.signIn(await freddy.person(name))
  const refreshed = await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: session.refreshToken, rotate: true },
  })
  assert.equal(refreshed.status, 200)
  const { token } = refreshed.body
  const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  assert.equal(made.status, 201, made.text)
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('POST /v1/responses', { headers, body: hello })).status, 200)
  await freddy.running.app.usage.flush()
}

scene('F27: the year 2038 passes, and 2106 with it', async (freddy) => {
  for (const [index, moment] of [2 ** 31, 2 ** 32].entries()) {
    freddy.pass(moment * SECOND - 5 * SECOND - freddy.now())
    const before = await freddy.signIn(await freddy.person(`ada${index}`))
    freddy.pass(10 * SECOND)
    assert.equal((await freddy.ask('GET /v1/user/me', { token: before.token })).status, 200)
    await liveADay(freddy, `bob${index}`)
  }
  const [row] = await freddy.database.read<{ last: number }>(
    'SELECT max(happened_at) AS last FROM usage_entries',
  )
  assert.equal(row?.last, freddy.now())
})

scene('F27: a leap second, in which a clock tells one second twice, is none', async (freddy) => {
  const ada = await freddy.person('ada')
  const session = await freddy.signIn(ada)
  const { body } = await freddy.login(ada)
  const code = Number(await freddy.codeFor(ada.email))
  freddy.pass(-SECOND)
  assert.equal((await freddy.ask('GET /v1/user/me', { token: session.token })).status, 200)
  assert.equal((await freddy.verify(body.email_key, code)).status, 200)
  await liveADay(freddy, 'bob')
})

scene(
  'F46: a clock that is set back by hours holds nobody back for longer than a limit lasts',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
    const headers = { 'api-key': made.body.key }
    const look = async () => (await freddy.ask('GET /v1/models', { headers })).status
    freddy.pass(3 * 3600 * SECOND)
    assert.equal(await look(), 200)
    freddy.pass(-2 * 3600 * SECOND)
    assert.equal(await look(), 200)
    assert.equal((await freddy.ask('GET /v1/user/me', { token })).status, 200)
    await liveADay(freddy, 'bob')
  },
)

scene('F27: summer time begins and ends in the middle of a day that is counted', async (freddy) => {
  const zone = process.env.TZ
  // Half an hour beside the hours of UTC; in 2027 it goes forward on 14 March and back on 7 November.
  process.env.TZ = 'America/St_Johns'
  try {
    const begins: number[] = []
    for (const [index, day] of [Date.UTC(2027, 2, 14), Date.UTC(2027, 10, 7)].entries()) {
      freddy.pass(day - freddy.now() + SECOND)
      for (const hour of [0, 3, 23]) {
        freddy.pass(day + hour * 3600 * SECOND + SECOND - freddy.now())
        await liveADay(freddy, `p${index}${hour}`)
      }
      begins.push(day)
    }
    const rows = await freddy.database.read<{ starts_at: number }>(
      "SELECT DISTINCT starts_at FROM spending WHERE period = 'day' ORDER BY starts_at",
    )
    assert.deepEqual(
      rows.map(({ starts_at }) => starts_at),
      begins,
    )
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

scene(
  'F27: of two servers half a minute apart each takes what the other gave; at ninety seconds the future is refused, and said',
  async (freddy, t) => {
    const url =
      freddy.running.app.config.databaseUrl ?? `${freddy.running.app.config.dataDir}/freddy.db`
    const other = await startFreddy(url, freddy.engine)
    t.after(async () => {
      await other.running.close()
      await other.mail.close()
    })
    const takes = async (token: string) => (await other.ask('GET /v1/user/me', { token })).status
    freddy.pass(29 * SECOND)
    const ahead = await freddy.signIn(await freddy.person('ada'))
    assert.equal(await takes(ahead.token), 200)
    freddy.pass(61 * SECOND)
    const far = await freddy.signIn(await freddy.person('bob'))
    assert.equal(await takes(far.token), 401)
    other.pass(61 * SECOND)
    assert.equal(await takes(far.token), 200)

    const lines: unknown[] = []
    const { store } = freddy.running.app
    const log = { ...freddy.running.app.log, warn: (fields: unknown) => void lines.push(fields) }
    const there = await store.inspection.now()
    await noticeDrift({ store, log, now: () => there + 20 * SECOND })
    assert.deepEqual(lines, [])
    await noticeDrift({ store, log, now: () => there + 120 * SECOND })
    assert.equal(lines.length, 1)
  },
)

test('F27: nothing asks for the hour or day of the place where a server stands', () => {
  const source = new URL('../src/', import.meta.url)
  const local =
    /\.(get|set)(FullYear|Month|Date|Day|Hours|Minutes)\(|toLocale(Date|Time)String|getTimezoneOffset|new Date\(\d{4},/
  const found = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => local.test(readFileSync(new URL(name, source), 'utf8')))
  assert.deepEqual(found, [])
  assert.match('at.getHours()', local)
})
