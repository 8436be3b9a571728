import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { allowed } from '../src/auth/audit.ts'
import type { AuditEvent } from '../src/store/audit.ts'
import type { Counter } from '../src/store/budgets.ts'
import type { ChallengeRow } from '../src/store/challenges.ts'
import type { Continuation } from '../src/store/continuation.ts'
import { migrate } from '../src/store/migrate.ts'
import { type NewSession, startSession } from '../src/store/session-start.ts'
import { always } from '../src/store/sql.ts'
import { createStore } from '../src/store/store.ts'
import { databases } from './databases.ts'
import { DAY, type Freddy, MINUTE, scene } from './freddy.ts'

/*
 * What a statement promises when somebody was faster: each is asked directly, since by way of a request
 * it is the second of two locks, and only a race would show that it is open.
 */

/** How often it is looked whether somebody waits. */
const MOST_LOOKS = 300

const origin = { address: '192.0.2.1', source: '192.0.2.1', network: null, agent: 'curl' }

const eventAt = (now: number): AuditEvent => allowed({ now, origin }, 'test.event')

async function onlyRow<Row>(freddy: Freddy, table: string): Promise<Row> {
  const [row] = await freddy.database.read(`SELECT * FROM ${table}`)
  assert.ok(row)
  return row as Row
}

function session(freddy: Freddy, userId: string, index: number): NewSession {
  return {
    id: `ses_${index}`,
    userId,
    device: { id: `dev_${index}`, known: false },
    said: { name: null, platform: null, location: null },
    place: 'here',
    amr: ['pwd', 'email'],
    source: origin.source,
    agent: origin.agent,
    createdAt: freddy.now() + index,
    expiresAt: freddy.now() + 30 * DAY,
    refreshHash: `hash ${index}`,
  }
}

/** A login challenge, and a way to use it as often as one likes. */
async function challenged(freddy: Freddy) {
  const ada = await freddy.person('ada')
  await freddy.login(ada)
  const challenge = await onlyRow<ChallengeRow>(freddy, 'challenges')
  const consume = (index: number) =>
    freddy.running.app.store.challenges.consumeLogin({
      challenge,
      factor: null,
      ifNew: null,
      streak: 'nobody',
      spent: 'nothing',
      session: session(freddy, ada.id, index),
      event: eventAt(freddy.now()),
      now: freddy.now(),
    })
  const sessions = async () => (await freddy.database.read('SELECT id FROM sessions')).length
  return { challenge, consume, sessions }
}

scene('attack 040: of twenty right codes that were checked at once one counts', async (freddy) => {
  const { consume, sessions } = await challenged(freddy)
  const won = await Promise.all(Array.from({ length: 20 }, (_, index) => consume(index)))
  assert.equal(won.filter(Boolean).length, 1)
  assert.equal(await sessions(), 1)
})

scene('attack 030: a code that was replaced while it was checked is nothing', async (freddy) => {
  const { consume, sessions } = await challenged(freddy)
  await freddy.database.write('UPDATE challenges SET generation = 2')
  assert.equal(await consume(1), false)
  assert.equal(await sessions(), 0)
})

scene('attack 028: a key that ended while its code was checked is nothing', async (freddy) => {
  const { consume, sessions } = await challenged(freddy)
  await freddy.database.write('UPDATE challenges SET ended_at = 1')
  assert.equal(await consume(1), false)
  assert.equal(await sessions(), 0)
})

function resendOf(freddy: Freddy, id: string, attempt: number) {
  return freddy.running.app.store.challenges.resend({
    id,
    counter: null,
    letter: null,
    event: eventAt(freddy.now()),
    tryId: `try_${attempt}`,
    now: freddy.now(),
    codeLifeMs: 5 * MINUTE,
    repeatWithinMs: 5 * MINUTE,
    mostMails: 5,
  })
}

scene('attack 055: resends that run at once are one mail', async (freddy) => {
  const { challenge } = await challenged(freddy)
  freddy.pass(MINUTE)
  const sent = await Promise.all(
    [1, 2, 3].map((attempt) => resendOf(freddy, challenge.id, attempt)),
  )
  assert.equal(sent.filter(Boolean).length, 1)
})

scene('attack 042: a key has five mails, whoever asks', async (freddy) => {
  const { challenge } = await challenged(freddy)
  const sent = []
  for (let attempt = 0; attempt < 5; attempt++) {
    freddy.pass(MINUTE)
    sent.push(await resendOf(freddy, challenge.id, attempt))
  }
  assert.deepEqual(sent, [true, true, true, true, false])
})

scene('attack 072: a better hash does not undo a password that just changed', async (freddy) => {
  const ada = await freddy.person('ada')
  const { users } = freddy.running.app.store
  const before = await users.find(ada.id)
  await users.rehash(ada.id, 'the hash that was proven', 'its better form')
  assert.equal((await users.find(ada.id))?.password_hash, before?.password_hash)
})

/** A session, and what its refresh token makes of it: each answers the event's place in the trail, or none. */
async function continued(freddy: Freddy) {
  const ada = await freddy.person('ada')
  const { device_id: id } = await freddy.signIn(ada)
  const eve = await freddy.person('eve')
  const userId = ada.id
  const { sessions, audit } = freddy.running.app.store
  const first = (await sessions.find(id))?.refresh_hash ?? ''
  const used = (hash: string, change: Partial<Continuation> = {}): Continuation => ({
    id,
    userId,
    hashes: ['another', hash],
    graceSince: freddy.now() - 1000,
    idleSince: freddy.now() - DAY,
    event: eventAt(freddy.now()),
    ...change,
  })
  const told = () => audit.countSince('test.event', 0)
  return { id, eve, first, used, told, sessions }
}

scene('attack 089: only the current token of a session that lives is replaced', async (freddy) => {
  const { id, eve, first, used, told, sessions } = await continued(freddy)
  const rotate = async (from: string, to: string, change: Partial<Continuation> = {}) =>
    (await sessions.rotate(used(from, change), to))?.refresh_hash === to
  assert.equal(await rotate(first, 'second'), true)
  assert.equal((await sessions.find(id))?.parent_hash, first)
  assert.equal(await rotate(first, 'third'), false)
  assert.equal(await rotate('second', 'third', { userId: eve.id }), false)
  assert.equal(await rotate('second', 'third', { idleSince: freddy.now() }), false)
  assert.equal(await rotate('second', 'third', { event: eventAt(freddy.now() + 30 * DAY) }), false)
  assert.equal(await sessions.end(id, 'signed_out', eventAt(freddy.now())), true)
  assert.equal(await rotate('second', 'third'), false)
  assert.equal((await sessions.find(id))?.refresh_hash, 'second')
  assert.equal(await told(), 2)
})

scene('attack 091: a session that is over is not seen again, whoever asks', async (freddy) => {
  const { id, eve, first, used, told, sessions } = await continued(freddy)
  await sessions.rotate(used(first), 'second')
  const touch = async (hash: string, change: Partial<Continuation> = {}) => {
    freddy.pass(1)
    const before = await told()
    const row = await sessions.touch(used(hash, change))
    const isSeen = row?.last_seen_at === freddy.now()
    assert.equal((await told()) > before, isSeen)
    return isSeen
  }
  assert.equal(await touch('second'), true)
  assert.equal(await touch(first), true)
  assert.equal(await touch(first, { graceSince: freddy.now() }), false)
  assert.equal(await touch('third'), false)
  assert.equal(await touch('second', { userId: eve.id }), false)
  assert.equal(await touch('second', { idleSince: freddy.now() }), false)
  const set = (change: string) => freddy.database.write(`UPDATE users SET ${change}`)
  await set(`disabled_at = 1`)
  assert.equal(await touch('second'), false)
  await set(`disabled_at = NULL, sessions_valid_after = ${freddy.now() + 1}`)
  assert.equal(await touch('second'), false)
  await set('sessions_valid_after = 0')
  assert.equal(await touch('second'), true)
  await sessions.end(id, 'signed_out', eventAt(freddy.now()))
  assert.equal(await touch('second'), false)
  assert.equal((await sessions.touch(used('second')))?.end_reason, 'signed_out')
})

scene('attack 084: a session ends once, for its first reason', async (freddy) => {
  const { device_id: id } = await freddy.signIn(await freddy.person('ada'))
  const { sessions } = freddy.running.app.store
  assert.equal(await sessions.end(id, 'token_reuse', eventAt(freddy.now())), true)
  assert.equal(await sessions.end(id, 'signed_out', eventAt(freddy.now() + 1)), false)
  const row = await sessions.find(id)
  assert.deepEqual([row?.ended_at, row?.end_reason], [freddy.now(), 'token_reuse'])
})

scene(
  'attack 093: the fifty-first session ends the oldest; one that never began ends none',
  async (freddy) => {
    const { id } = await freddy.person('ada')
    const alive = async () => {
      const rows = await freddy.database.read('SELECT id FROM sessions WHERE ended_at IS NULL')
      return rows.map((row) => String(row.id))
    }
    const start = (index: number, guard = always) =>
      freddy.database.batch(startSession(session(freddy, id, index), guard))
    for (let index = 0; index < 51; index++) await start(index)
    const left = await alive()
    assert.equal(left.length, 50)
    assert.equal(left.includes('ses_0'), false)

    await freddy.database.write('UPDATE sessions SET ended_at = NULL')
    await start(51, { sql: '1 = 0', params: {} })
    assert.equal((await alive()).length, 51)
  },
)

scene('attack 023: a key is revoked by its owner, once', async (freddy) => {
  const ada = await freddy.person('ada')
  const eve = await freddy.person('eve')
  const { token } = await freddy.signIn(ada)
  const { id } = (await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })).body
  const { apiKeys } = freddy.running.app.store
  assert.equal(await apiKeys.revoke(id, eve.id, eventAt(freddy.now())), false)
  assert.equal((await apiKeys.find(id, ada.id))?.revoked_at, null)
  assert.equal(await apiKeys.revoke(id, ada.id, eventAt(freddy.now())), true)
  assert.equal(await apiKeys.revoke(id, ada.id, eventAt(freddy.now() + 1)), false)
  assert.equal((await apiKeys.find(id, ada.id))?.revoked_at, freddy.now())
})

scene('F25: a lease that was lost marks nothing', async (freddy) => {
  await freddy.login(await freddy.person('ada'))
  const { outbox } = freddy.running.app.store
  const [letter] = await outbox.claim(freddy.now(), 'one', MINUTE, 1)
  freddy.pass(MINUTE)
  await outbox.claim(freddy.now(), 'two', MINUTE, 1)
  assert.ok(letter?.challenge_id)
  await outbox.markSent(letter.id, 'one', freddy.now())
  assert.equal((await outbox.findDelivery(letter.challenge_id))?.state, 'queued')
  await outbox.markSent(letter.id, 'two', freddy.now())
  assert.equal((await outbox.findDelivery(letter.challenge_id))?.state, 'sent')
})

scene('a try counts on every counter or on none', async (freddy) => {
  const { budgets } = freddy.running.app.store
  const named = (key: string, tries: number): Counter => ({
    key,
    name: 'login-account',
    budget: { windows: [{ tries, withinMs: MINUTE }] },
    userId: null,
  })
  const wide = named('wide', 10)
  const narrow = named('narrow', 1)
  const countOf = async () => ((await budgets.find(['wide']))[0]?.log.length ?? 0) / 13
  assert.equal(await budgets.take([wide, narrow], freddy.now(), 'a'), true)
  assert.equal(await budgets.take([wide, narrow], freddy.now(), 'b'), false)
  assert.equal(await countOf(), 1)
  assert.equal(await budgets.take([narrow, wide], freddy.now(), 'c'), false)
  assert.equal(await countOf(), 1)
})

scene('an event has one place in the chain, whoever seals it again', async (freddy) => {
  const { audit } = freddy.running.app.store
  const event = eventAt(freddy.now())
  await audit.record(event)
  await audit.seal([{ id: event.id, position: 1, seal: 'first', sealedAs: null }])
  await audit.seal([{ id: event.id, position: 2, seal: 'second', sealedAs: null }])
  const last = await audit.findLastSealed()
  assert.deepEqual([last?.position, last?.seal], [1, 'first'])
})

test('tries are given back in the order in which they were counted, and so wait for no try that waits for them', async (t) => {
  const place = await databases[1].open()
  await migrate(place.database)
  const { budgets } = createStore(place.database)
  const holder = new pg.Client({ connectionString: place.url })
  t.after(async () => {
    await holder.end()
    await place.drop()
  })
  // Neither the order of names nor that of rows.
  const keys = ['m', 'z', 'a']
  for (const key of keys.toSorted()) {
    const budget = { windows: [{ tries: 5, withinMs: MINUTE }] }
    const counter = { key, name: 'login-account', budget, userId: null } as const
    assert.equal(await budgets.take([counter], 0, key), true)
  }
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query("SELECT key FROM budgets WHERE key = 'm' FOR UPDATE")
  const given = budgets.giveBack(keys)
  await untilSomebodyWaits(holder)
  for (const key of ['z', 'a']) {
    await holder.query('SELECT key FROM budgets WHERE key = $1 FOR UPDATE NOWAIT', [key])
  }
  await holder.query('COMMIT')
  await given
})

async function untilSomebodyWaits(client: pg.Client): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const { rows } = await client.query(
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    )
    if (rows.length > 0) return
    await wait(5)
  }
  assert.fail('nobody waits')
}
