import assert from 'node:assert/strict'
import { readExposition } from './exposition.ts'
import { type Freddy, MINUTE, PASSWORD, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const METRICS_TOKEN = 'a-token-of-prometheus-alone'
const measured = { env: { METRICS_TOKEN } }

/** Statements, of any kind, that these calls cost; the reading of the metrics asks some of its own. */
async function costOf(freddy: Freddy, calls: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    const { text } = await freddy.ask('GET /metrics', { token: METRICS_TOKEN })
    const samples = readExposition(text).get('freddy_database_seconds')?.samples ?? []
    const counts = samples.filter(({ name }) => name.endsWith('_count'))
    return counts.reduce((sum, { value }) => sum + value, 0)
  }
  await count()
  const before = await count()
  const own = (await count()) - before
  await calls()
  return (await count()) - before - 2 * own
}

scene(
  'whoever is known costs the database nothing while the feed lives, and a look for each call when it does not',
  async (freddy) => {
    const { feed } = freddy.running.app
    const ada = await keyOwner(freddy)
    const { body } = await ada.make()
    const byToken = () => freddy.ask('GET /v1/auth/validate', { token: ada.token })
    const byKey = () => freddy.ask('GET /v1/models', { headers: { 'api-key': body.key } })
    const both = async () => {
      for (const answer of [await byToken(), await byKey()]) assert.equal(answer.status, 200)
    }
    await both()
    assert.equal(await costOf(freddy, both), 0)
    for (let minute = 0; minute < 3; minute++) {
      freddy.pass(MINUTE)
      await feed.look()
      assert.equal(await costOf(freddy, both), 0, 'no time makes a row old')
    }
    freddy.pass(1000)
    assert.equal(await costOf(freddy, both), 2)
    assert.equal(await costOf(freddy, both), 2)
  },
  measured,
)

scene("an operator's own SQL is heard of", async (freddy) => {
  const { app } = freddy.running
  const ada = await keyOwner(freddy)
  const { body } = await ada.make()
  const look = async () => [
    (await freddy.ask('GET /v1/auth/validate', { token: ada.token })).status,
    (await freddy.ask('GET /v1/models', { headers: { 'api-key': body.key } })).status,
  ]
  assert.deepEqual(await look(), [200, 200])
  await freddy.database.write("UPDATE sessions SET ended_at = 1, end_reason = 'ended_by_operator'")
  await freddy.database.write('UPDATE api_keys SET revoked_at = 1')
  assert.deepEqual(await look(), [200, 200], 'what is remembered is believed')
  await app.feed.look()
  assert.deepEqual(await look(), [401, 401])
})

scene(
  'a key that is remembered is noted as used once a minute, and from each place',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await keyOwner(freddy)
    const { body } = await ada.make()
    const use = (from?: string) =>
      freddy.ask('GET /v1/models', { headers: { 'api-key': body.key }, ...(from ? { from } : {}) })
    const lastUse = async () => {
      await app.keyUses.flush()
      const [row] = await freddy.database.read<{ last_used_at: number; last_used_source: string }>(
        'SELECT last_used_at, last_used_source FROM api_keys',
      )
      return row && { at: row.last_used_at, source: row.last_used_source }
    }
    const begun = freddy.now()
    await use()
    assert.deepEqual(await lastUse(), { at: begun, source: '127.0.0.1' })
    freddy.pass(MINUTE - 1)
    await app.feed.look()
    await use()
    assert.equal((await lastUse())?.at, begun)
    await use('203.0.113.9')
    assert.deepEqual(await lastUse(), { at: freddy.now(), source: '203.0.113.9' })
    freddy.pass(MINUTE)
    await app.feed.look()
    await use('203.0.113.9')
    assert.equal((await lastUse())?.at, freddy.now())
  },
)

scene(
  'a session that is remembered is seen once a minute, and is not idle for it',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await keyOwner(freddy)
    const use = () => freddy.ask('GET /v1/auth/validate', { token: ada.token })
    const seen = async () => {
      await app.sightings.flush()
      const [row] = await freddy.database.read<{ at: number }>(
        'SELECT last_seen_at AS at FROM sessions',
      )
      return row?.at
    }
    const begun = freddy.now()
    await use()
    assert.equal(await seen(), begun)
    for (let minute = 1; minute <= 2; minute++) {
      freddy.pass(MINUTE)
      await app.feed.look()
      await use()
      assert.equal(await seen(), begun + minute * MINUTE)
      freddy.pass(1)
      await app.feed.look()
      await use()
      assert.equal(await seen(), begun + minute * MINUTE)
      freddy.pass(-1)
    }
  },
)

scene(
  'attack 020: an address that has an account costs what one without does, at every door that takes one',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    for (const name of ['bob', 'carol', 'dora']) await freddy.person(name)
    const doors: Record<string, (email: string) => Promise<unknown>> = {
      register: (email) =>
        freddy.ask('POST /v1/auth/register', { body: { email, password: PASSWORD } }),
      forgot: (email) => freddy.ask('POST /v1/auth/password/reset', { body: { email } }),
      change: (new_email) =>
        freddy.ask('POST /v1/user/email', {
          token,
          body: { new_email, current_password: PASSWORD },
        }),
    }
    // Each person once: a letter to the same mailbox within the minute is held back.
    const known = { register: 'bob', forgot: 'carol', change: 'dora' }
    for (const [door, name] of Object.entries(known)) {
      const ask = doors[door] ?? assert.fail(door)
      // The first call of all reads what is kept for the next ones.
      await ask(`first-${door}@example.com`)
      const stranger = await costOf(freddy, () => ask(`nobody-${door}@example.com`))
      assert.equal(await costOf(freddy, () => ask(`${name}@example.com`)), stranger, door)
      assert.ok(stranger > 1, door)
    }
  },
  measured,
)
