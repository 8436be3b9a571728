import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApiKey, newApiKey } from '../src/auth/api-key.ts'
import type { ApiKeyLimits } from '../src/store/api-keys.ts'
import { databases, type Place } from './databases.ts'
import { type Answer, type Freddy, MINUTE, startFreddy } from './freddy.ts'
import { type Outage, postgresOutage, sqliteOutage } from './outage.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const question = { model: 'echo-1', input: 'Hello' }

interface Scene {
  readonly freddy: Omit<Freddy, 'database'>
  readonly place: Place
  readonly outage: Outage
  readonly token: string
  make(more?: {
    expiresAt?: number
    limits?: ApiKeyLimits
    scopes?: readonly string[]
  }): Promise<string>
  look(key: string): Promise<Answer>
  say(key: string): Promise<Answer>
}

/** A server whose database goes away for real, on both. */
function duringOutage(
  name: string,
  tell: (scene: Scene) => Promise<void>,
  env: Record<string, string> = {},
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, () => outageScene(open, engine, tell, env))
  }
}

async function outageScene(
  open: () => Promise<Place>,
  engine: string,
  tell: (scene: Scene) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const place = await open()
  const outage = engine === 'SQLite' ? sqliteOutage(place) : await postgresOutage(place)
  const freddy = await startFreddy(outage.url, engine, { env })
  try {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const { app } = freddy.running
    const make: Scene['make'] = async (more) => {
      const wish = { userId: ada.id, name: 'k', scopes: ['responses', 'models'] }
      const made = await makeApiKey(
        { app, origin, now: freddy.now() },
        { ...wish, expiresAt: null, ...more },
      )
      return made?.key ?? assert.fail()
    }
    const look = (key: string) => freddy.ask('GET /v1/models', { headers: { 'api-key': key } })
    const say = (key: string) =>
      freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body: question })
    await tell({ freddy, place, outage, token, make, look, say })
  } finally {
    await outage.end()
    await freddy.running.close().catch(() => {})
    await freddy.mail.close()
    await place.drop()
  }
}

async function end(key: string, { freddy, token }: Pick<Scene, 'freddy' | 'token'>) {
  const { body } = await freddy.ask('GET /v1/auth/check', { headers: { 'api-key': key } })
  await freddy.ask(`DELETE /v1/api-keys/${body.key_id}`, { token })
}

function isAway(answer: Answer): void {
  assert.equal(answer.status, 503, answer.text)
  assert.equal(answer.body.error.code, 'SERVICE_UNAVAILABLE')
  assert.match(String(answer.headers['retry-after']), /^\d+$/)
}

duringOutage(
  'known keys go on while the database is away, and strangers are not told a lie',
  async ({ freddy, place, outage, token, make, look, say }) => {
    const limits = {
      tokens_per_day: 1000,
      tokens_per_month: null,
      money_per_day: null,
      money_per_month: null,
    }
    const known = await make()
    const capped = await make({ limits })
    const ending = await make({ expiresAt: freddy.now() + 5 * MINUTE })
    const revoked = await make()
    await end(revoked, { freddy, token })
    const stranger = await make()
    for (const key of [known, capped, ending]) assert.equal((await look(key)).status, 200)
    assert.equal((await say(known)).status, 200)
    assert.equal((await look(revoked)).status, 401)
    freddy.pass(1000)
    await outage.fall()

    assert.equal((await look(known)).status, 200)
    const said = await say(known)
    assert.equal(said.body.output_text, 'Hello', said.text)
    assert.equal((await look(capped)).status, 200)
    isAway(await say(capped))
    const dead = await look(revoked)
    assert.equal(dead.body.error.code, 'INVALID_API_KEY', 'what was read as revoked stays so')
    for (const key of [stranger, newApiKey()]) isAway(await look(key))
    assert.equal((await look(`${known}x`)).status, 401, 'a mistyped key needs no database')
    assert.equal((await freddy.ask('GET /v1/models', { token })).status, 200)
    assert.equal((await freddy.ask('GET /livez')).status, 200)
    assert.equal((await freddy.ask('GET /readyz')).status, 503)

    freddy.pass(5 * MINUTE - 1000)
    assert.equal((await look(ending)).body.error.code, 'API_KEY_EXPIRED')
    assert.equal((await look(known)).status, 200)

    await outage.rise()
    freddy.pass(1000)
    await until(async () => (await look(stranger)).status === 200)
    assert.equal((await say(known)).status, 200)
    assert.equal((await freddy.ask('GET /v1/models', { token })).status, 200)
    await freddy.running.app.usage.flush()
    const booked = await place.database.read<{ calls: number }>(
      `SELECT count(*) AS calls FROM usage_entries WHERE outcome = 'settled'`,
    )
    assert.equal(booked[0]?.calls, 3, 'a call during the outage is booked after it')
  },
)

duringOutage(
  'a lease counts from when the feed was last alive, however often it is used',
  async ({ freddy, outage, token, make, look }) => {
    const { feed } = freddy.running.app
    const key = await make()
    const ask = async () => [await look(key), await freddy.ask('GET /v1/models', { token })]
    const goOn = async (when: string) => {
      for (const answer of await ask()) assert.equal(answer.status, 200, when)
    }
    await goOn('at first')
    freddy.pass(MINUTE)
    await feed.look()
    await outage.fall()
    await goOn('what the feed vouches for needs no database')
    for (let minute = 1; minute < 10; minute++) {
      freddy.pass(MINUTE)
      await goOn(`minute ${minute}`)
    }
    freddy.pass(MINUTE - 1)
    await goOn('the last moment')
    freddy.pass(1)
    for (const answer of await ask()) isAway(answer)
  },
)

duringOutage(
  'no other server is told by a lease what a key or a token is worth',
  async ({ freddy, outage, token, make, look }) => {
    const known = await make()
    const asking = await make({ scopes: ['tokens:introspect'] })
    const ask = (about: string) =>
      freddy.ask('POST /v1/auth/introspect', {
        headers: { 'api-key': asking },
        body: { token: about },
      })
    for (const one of [known, token]) assert.equal((await ask(one)).body.active, true)
    freddy.pass(1000)
    await outage.fall()
    assert.equal((await look(known)).status, 200)
    assert.equal((await freddy.ask('GET /v1/models', { token })).status, 200)
    for (const one of [known, token]) isAway(await ask(one))
    const check = await freddy.ask('GET /v1/auth/check', { headers: { 'api-key': known } })
    assert.equal(check.status, 200, check.text)
  },
)

duringOutage(
  'without a lease every key and token is away with the database',
  async ({ freddy, outage, token, make, look }) => {
    const key = await make()
    assert.equal((await look(key)).status, 200)
    freddy.pass(1000)
    await outage.fall()
    isAway(await look(key))
    isAway(await freddy.ask('GET /v1/models', { token }))
  },
  { KEY_LEASE_SECONDS: '0' },
)

duringOutage(
  'a key whose owner is gone is not leased again',
  async ({ freddy, place, outage, make, look }) => {
    const key = await make()
    assert.equal((await look(key)).status, 200)
    await place.database.write('DELETE FROM users')
    freddy.pass(1000)
    assert.equal((await look(key)).status, 401)
    await outage.fall()
    isAway(await look(key))
  },
)

duringOutage(
  'a server whose database is away closes all the same, and says what it could not write',
  async ({ freddy, outage, make, say }) => {
    const key = await make()
    assert.equal((await say(key)).status, 200)
    await outage.fall()
    await freddy.running.close()
    assert.ok(freddy.log.some((line) => line.includes('"usage.write"')))
  },
)

for (const what of ['a key that is known', 'a stranger'] as const) {
  const { open } = databases[1]
  test(`${what} waits for a silent database a while and no longer (PostgreSQL)`, async () => {
    await outageScene(open, 'PostgreSQL', async ({ freddy, outage, token, make, look }) => {
      const [known, stranger] = [await make(), await make()]
      assert.equal((await look(known)).status, 200)
      freddy.pass(1000)
      // A connection that waits for its next question: that one is hushed, and no new one is asked for.
      assert.equal((await freddy.ask('GET /v1/models', { token })).status, 200)
      outage.hush?.()
      if (what === 'a stranger') return isAway(await look(stranger))
      const all = await Promise.all([look(known), look(known), look(known)])
      for (const answer of all) assert.equal(answer.status, 200)
      assert.equal((await look(known)).status, 200)
    })
  })
}

/** The pool needs a moment to notice that its server is back. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail('the database did not come back')
}
