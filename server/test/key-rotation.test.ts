import assert from 'node:assert/strict'
import { createKeyUses } from '../src/auth/key-uses.ts'
import { DAY, type Freddy, HOUR, MINUTE, scene } from './freddy.ts'
import { type KeyOwner, keyEvent, keyOwner, useKey } from './key-owner.ts'

/** A call with a key, by a program that says its name, from its own place. */
function callAs(freddy: Freddy, key: string, agent: string, from: string) {
  const headers = { 'api-key': key, 'user-agent': agent }
  return freddy.ask('GET /v1/models', { headers, from })
}

/** A key and its next secret. */
async function rotated(ada: KeyOwner, body: object = {}, wish: object = {}) {
  const made = (await ada.make(wish)).body
  const answer = await ada.act(made.id, 'rotate', body)
  assert.equal(answer.status, 200, answer.text)
  return { id: String(made.id), old: String(made.key), next: String(answer.body.key), answer }
}

const at = (freddy: Freddy, ms: number) => new Date(freddy.now() + ms).toISOString()

scene('a key has another secret, and the old one goes on until its day', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, old, next, answer } = await rotated(ada, { overlap_days: 2 })
  assert.match(next, /^ak_[0-9A-Za-z]{38}$/)
  assert.notEqual(next, old)
  assert.deepEqual([answer.body.id, answer.body.last4], [id, next.slice(-4)])
  const shown = await ada.show(id)
  assert.deepEqual(shown.old_secret, {
    prefix: old.slice(0, 7),
    last4: old.slice(-4),
    replaced_at: at(freddy, 0),
    ends_at: at(freddy, 2 * DAY),
    end_when_silent: null,
    callers: [],
  })
  const kept = JSON.stringify(await freddy.database.read('SELECT * FROM api_keys'))
  for (const secret of [old, next]) {
    assert.equal((JSON.stringify(shown) + kept).includes(secret.slice(7, -4)), false)
  }

  freddy.pass(2 * DAY - 1)
  for (const secret of [old, next]) assert.equal((await useKey(freddy, secret)).status, 200)
  freddy.pass(1)
  const late = await useKey(freddy, old)
  assert.equal(late.status, 401)
  assert.equal(late.body.error.code, 'API_KEY_EXPIRED')
  assert.deepEqual(late.body.error.details, { reason: 'key_rotated', ended_at: at(freddy, 0) })
  assert.equal((await useKey(freddy, next)).status, 200)
})

scene(
  'an answer to the old secret says since when it is old, and until when it is one',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { old, next } = await rotated(ada, {}, { scopes: ['responses'] })
    const ask = (key: string, body: object) =>
      freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body })
    const hello = { model: 'echo-1', input: 'hello' }
    const told = { deprecation: `@${freddy.now() / 1000}`, sunset: 'Mon, 30 Nov 2026 12:00:00 GMT' }
    const answers = [
      [200, await ask(old, hello)],
      [200, await ask(old, { ...hello, stream: true })],
      [422, await ask(old, {})],
      [403, await useKey(freddy, old)],
    ] as const
    for (const [status, { headers, ...answer }] of answers) {
      assert.equal(answer.status, status)
      assert.deepEqual({ deprecation: headers.deprecation, sunset: headers.sunset }, told)
    }
    const { headers } = await ask(next, hello)
    assert.deepEqual([headers.deprecation, headers.sunset], [undefined, undefined])
  },
)

scene('the old secret ends with its key when that is sooner', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, old, next } = await rotated(ada, {}, { expires_at: at(freddy, DAY) })
  assert.equal((await ada.show(id)).old_secret.ends_at, at(freddy, DAY))
  assert.equal((await useKey(freddy, old)).headers.sunset, 'Tue, 24 Nov 2026 12:00:00 GMT')
  freddy.pass(DAY)
  for (const secret of [old, next]) {
    assert.equal((await useKey(freddy, secret)).body.error.code, 'API_KEY_EXPIRED')
  }
})

scene(
  'three programs go over one by one, and the old secret ends when the last has',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { id, old, next } = await rotated(ada, { overlap_days: 30, end_when_silent: 3600 })
    const programs = [
      ['one/1', '203.0.113.1'],
      ['two/2', '203.0.113.2'],
      ['three/3', '2001:db8:1:2::3'],
    ] as const
    const callers = async () => (await ada.show(id)).old_secret.callers
    for (const [index] of programs.entries()) {
      const [gone, staying] = [programs.slice(0, index), programs.slice(index)]
      for (const minutes of [30, 29]) {
        freddy.pass(minutes * MINUTE)
        for (const [agent, from] of gone) await callAs(freddy, next, agent, from)
        for (const [agent, from] of staying) {
          assert.equal((await callAs(freddy, old, agent, from)).status, 200)
        }
        await freddy.running.app.keyUses.flush()
      }
      freddy.pass(MINUTE)
      const names = (await callers()).map(({ client }: { client: string }) => client)
      assert.deepEqual(names.sort(), staying.map(([agent]) => agent).sort())
    }
    const [last] = await callers()
    assert.deepEqual(last, {
      network: '2001:db8:1:2::/64',
      client: 'three/3',
      last_seen_at: at(freddy, -MINUTE),
      calls: 6,
    })
    freddy.pass(HOUR - MINUTE - 1)
    assert.ok((await ada.show(id)).old_secret)
    freddy.pass(1)
    assert.equal((await ada.show(id)).old_secret, null)
    // Nobody wakes it again.
    for (let call = 0; call < 2; call++) {
      const late = await callAs(freddy, old, 'one/1', '203.0.113.1')
      assert.equal(late.body.error.details.reason, 'key_rotated')
      await freddy.running.app.keyUses.flush()
      freddy.pass(1000)
    }
    assert.equal((await useKey(freddy, next)).status, 200)
  },
)

scene('a leaked secret ends at once when no overlap is asked for', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make()).body
  assert.equal((await useKey(freddy, made.key)).status, 200)
  const { body } = await ada.act(made.id, 'rotate', { overlap_days: 0 })
  assert.equal(body.old_secret, null)
  assert.equal((await useKey(freddy, made.key)).status, 401)
  assert.equal((await useKey(freddy, body.key)).status, 200)
})

scene('a key that is rotated twice forgets the oldest secret', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, old, next } = await rotated(ada)
  await callAs(freddy, old, 'late/1', '203.0.113.1')
  const { body } = await ada.act(id, 'rotate')
  assert.equal((await useKey(freddy, old)).body.error.code, 'INVALID_API_KEY')
  for (const secret of [next, body.key]) assert.equal((await useKey(freddy, secret)).status, 200)
  await freddy.running.app.keyUses.flush()
  const { callers, last4 } = (await ada.show(id)).old_secret
  assert.equal(last4, next.slice(-4))
  assert.deepEqual(
    callers.map(({ calls }: { calls: number }) => calls),
    [1],
    'none of the oldest',
  )
})

scene('attack 095: what ends a key ends both of its secrets', async (freddy) => {
  const ada = await keyOwner(freddy)
  const codes = async (secrets: readonly string[]) =>
    Promise.all(secrets.map(async (key) => (await useKey(freddy, key)).body.error?.code))
  const { id, old, next } = await rotated(ada, {}, { networks: ['127.0.0.1'] })
  assert.deepEqual(await codes([old, next]), [undefined, undefined])
  assert.equal((await useKey(freddy, old, '203.0.113.1')).status, 403)
  await ada.act(id, 'pause')
  assert.deepEqual(await codes([old, next]), ['API_KEY_PAUSED', 'API_KEY_PAUSED'])
  await ada.act(id, 'resume')
  await ada.revoke(id)
  assert.deepEqual(await codes([old, next]), ['INVALID_API_KEY', 'INVALID_API_KEY'])
  assert.equal((await ada.act(id, 'rotate')).body.error.details.reason, 'key_ended')

  const other = await rotated(ada)
  assert.deepEqual(await codes([other.old, other.next]), [undefined, undefined])
  await freddy.running.app.store.roster.disable(ada.id, keyEvent(freddy, 'user.disabled'))
  freddy.pass(1000)
  assert.deepEqual(await codes([other.old, other.next]), ['INVALID_API_KEY', 'INVALID_API_KEY'])
})

scene('a password reset ends both secrets of a key at once', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { old, next } = await rotated(ada)
  for (const secret of [old, next]) assert.equal((await useKey(freddy, secret)).status, 200)
  const { email } = ada.person
  const { email_key } = (await freddy.ask('POST /v1/auth/password/reset', { body: { email } })).body
  const verification_code = await freddy.codeFor(email)
  const body = { email_key, verification_code, new_password: 'another good sentence' }
  assert.equal((await freddy.ask('POST /v1/auth/password/reset/verify', { body })).status, 200)
  for (const secret of [old, next]) assert.equal((await useKey(freddy, secret)).status, 401)
})

scene('of two who rotate one secret at once, one does', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, key } = (await ada.make()).body
  const { apiKeys } = freddy.running.app.store
  const row = await apiKeys.find(id, ada.id)
  assert.ok(row)
  const rotate = (index: number) =>
    apiKeys.rotate(
      {
        ...{ id, userId: ada.id, from: row.hash, hash: `h${index}`, prefix: 'ak_x', last4: 'x' },
        ...{ formerEndsAt: freddy.now() + DAY, silenceMs: null },
      },
      keyEvent(freddy, 'key.rotated'),
    )
  const won = await Promise.all(Array.from({ length: 10 }, (_, index) => rotate(index)))
  assert.equal(won.filter(Boolean).length, 1)
  assert.equal((await useKey(freddy, key)).status, 200, 'who has it goes on')
  const told = await freddy.database.read("SELECT id FROM audit_events WHERE event = 'key.rotated'")
  assert.equal(told.length, 1)
})

scene("a key that ended meanwhile, or is another person's, gets no secret", async (freddy) => {
  const ada = await keyOwner(freddy)
  const expires_at = at(freddy, DAY)
  const [gone, theirs, over] = await Promise.all([ada.make(), ada.make(), ada.make({ expires_at })])
  await ada.revoke(gone.body.id)
  freddy.pass(DAY)
  const { apiKeys } = freddy.running.app.store
  for (const [{ body }, userId] of [
    [gone, ada.id],
    [theirs, `usr_${'0'.repeat(32)}`],
    [over, ada.id],
  ] as const) {
    const row = await apiKeys.find(body.id, ada.id)
    assert.ok(row)
    const next = { hash: `h-${body.id}`, prefix: 'ak_x', last4: 'x', silenceMs: null }
    const rotation = {
      id: row.id,
      userId,
      from: row.hash,
      formerEndsAt: freddy.now() + DAY,
      ...next,
    }
    assert.equal(await apiKeys.rotate(rotation, keyEvent(freddy, 'key.rotated')), false)
    assert.equal((await apiKeys.find(body.id, ada.id))?.hash, row.hash)
  }
})

scene('a session from a recovery code gives no key a secret or more rights', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id } = (await ada.make()).body
  await ada.act(id, 'pause')
  await freddy.database.write("UPDATE sessions SET amr = 'pwd recovery'")
  freddy.pass(1000)
  const asks = [ada.act(id, 'rotate'), ada.act(id, 'resume'), ada.change(id, { models: null })]
  for (const { status, body } of await Promise.all(asks)) {
    assert.deepEqual([status, body.error.details.reason], [403, 'recovery_session'])
  }
  assert.equal((await ada.revoke(id)).status, 200)
})

scene('attack 096: no key gives itself or another a secret', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, old, next } = await rotated(ada, {}, { scopes: ['keys:derive', 'account:read'] })
  for (const key of [old, next]) {
    const headers = { 'api-key': key }
    for (const verb of ['rotate', 'pause', 'resume']) {
      const answer = await freddy.ask(`POST /v1/api-keys/${id}/${verb}`, { headers })
      assert.equal(answer.status, 403, verb)
    }
  }
  const eve = await keyOwner(freddy, 'eve')
  assert.equal((await eve.act(id, 'rotate')).status, 404)
  for (const body of [{ overlap_days: 31 }, { overlap_days: -1 }, { end_when_silent: 3599 }]) {
    assert.equal((await ada.act(id, 'rotate', body)).status, 422)
  }
  assert.equal((await ada.show(id)).last4, next.slice(-4))
})

scene('a holder who names another program each time does not fill the table', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id, old } = await rotated(ada)
  for (let call = 0; call < 60; call++) {
    freddy.pass(1000)
    await callAs(freddy, old, `program-${call}/1`, '203.0.113.1')
    if (call % 20 === 0) await freddy.running.app.keyUses.flush()
  }
  await freddy.running.app.keyUses.flush()
  const { callers } = (await ada.show(id)).old_secret
  const clients = callers.map(({ client }: { client: string }) => client)
  assert.deepEqual(
    clients,
    Array.from({ length: 20 }, (_, index) => `program-${59 - index}/1`),
  )
  assert.equal((await freddy.database.read('SELECT id FROM former_secret_callers')).length, 20)
  freddy.pass(31 * DAY)
  await freddy.running.app.store.sweep.expired(freddy.now(), { auditDays: 90 })
  assert.deepEqual(await freddy.database.read('SELECT id FROM former_secret_callers'), [])
})

scene('uses that could not be written are written later, each once', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id } = await rotated(ada)
  const { store } = freddy.running.app
  const row = await store.apiKeys.find(id, ada.id)
  assert.ok(row)
  let failures = 2
  const uses = createKeyUses(
    {
      ...store.keyUses,
      record: (...notes) =>
        failures-- > 0 ? Promise.reject(new Error('away')) : store.keyUses.record(...notes),
    },
    () => {},
  )
  const origin = { address: 'a', source: 'a', network: null, agent: 'a' }
  for (let round = 0; round < 4; round++) {
    uses.note(row, origin, freddy.now() + round)
    uses.noteFormer(row, origin, freddy.now() + round)
    uses.noteRefused(row, origin, freddy.now() + round)
    await uses.flush().catch(() => {})
  }
  const shown = await ada.show(id)
  // The third was written, and the fourth is of the same minute.
  assert.equal(shown.last_used_at, at(freddy, 2))
  assert.deepEqual([shown.refused.calls, shown.refused.last_at], [4, at(freddy, 3)])
  assert.deepEqual([shown.old_secret.callers[0].calls, shown.old_secret.callers.length], [4, 1])
})
