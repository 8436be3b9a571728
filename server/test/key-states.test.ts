import assert from 'node:assert/strict'
import { createApp } from '../src/app.ts'
import { remindOwners } from '../src/auth/key-reminder.ts'
import { DAY, type Freddy, scene } from './freddy.ts'
import { keyEvent, keyOwner, useKey } from './key-owner.ts'

const asKey = (freddy: Freddy, key: string, line = 'GET /v1/api-key') =>
  freddy.ask(line, { headers: { 'api-key': key } })

scene('an owner pauses a key and resumes it, each at once and once', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  assert.equal((await useKey(freddy, key)).status, 200)
  for (let time = 0; time < 2; time++) {
    const paused = await ada.act(id, 'pause')
    assert.deepEqual([paused.body.status, paused.body.paused_by], ['paused', 'owner'])
  }
  assert.equal((await useKey(freddy, key)).body.error.code, 'API_KEY_PAUSED')
  for (let time = 0; time < 2; time++) {
    const resumed = await ada.act(id, 'resume')
    assert.deepEqual([resumed.body.status, resumed.body.paused_by], ['active', null])
  }
  assert.equal((await useKey(freddy, key)).status, 200)
  const trail = await freddy.running.app.store.audit.listRecent({
    userId: ada.id,
    since: 0,
    most: 9,
  })
  const told = trail.map((row) => row.event).filter((name) => name.startsWith('key.'))
  assert.deepEqual(told.sort(), ['key.created', 'key.paused', 'key.resumed'])
})

scene(
  'attack 096: no owner resumes what the operator paused, nor by pausing it before',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { apiKeys } = freddy.running.app.store
    const first = (await ada.make()).body
    const second = (await ada.make()).body
    await ada.act(second.id, 'pause')
    for (const { id, key } of [first, second]) {
      assert.equal(await apiKeys.pause(id, ada.id, keyEvent(freddy, 'key.paused')), true)
      assert.equal(await apiKeys.pause(id, ada.id, keyEvent(freddy, 'key.paused')), false)
      assert.equal((await ada.act(id, 'pause')).body.paused_by, 'operator')
      const refused = await ada.act(id, 'resume')
      assert.equal(refused.status, 403)
      assert.equal(refused.body.error.details.reason, 'paused_by_operator')
      freddy.pass(1000)
      assert.equal((await useKey(freddy, key)).body.error.code, 'API_KEY_PAUSED')
      assert.equal(await apiKeys.resume(id, ada.id, keyEvent(freddy, 'key.resumed')), true)
      freddy.pass(1000)
      assert.equal((await useKey(freddy, key)).status, 200)
    }
  },
)

scene('attack 095: a key that has ended is neither paused nor resumed', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  await ada.act(id, 'pause')
  await ada.revoke(id)
  for (const verb of ['pause', 'resume']) {
    const answer = await ada.act(id, verb)
    assert.equal(answer.status, 403)
    assert.equal(answer.body.error.details.reason, 'key_ended')
  }
  assert.equal((await useKey(freddy, key)).body.error.code, 'INVALID_API_KEY')
  const { status, paused_by } = await ada.show(id)
  assert.deepEqual([status, paused_by], ['revoked', 'owner'])
})

scene('a key reads what it may do, what is left of it and when it ends', async (freddy) => {
  const ada = await keyOwner(freddy)
  const limits = {
    requests_per_minute: 10,
    requests_per_day: 20,
    tokens_per_day: 100,
    money_per_month: 2.5,
  }
  const wish = { scopes: ['responses'], models: ['echo-1'], networks: ['127.0.0.1'], limits }
  const { key, ...made } = (await ada.make(wish)).body
  const body = { model: 'echo-1', input: 'hello' }
  await freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body })
  const own = (await asKey(freddy, key)).body
  assert.deepEqual(own, {
    id: made.id,
    name: 'k',
    scopes: ['responses'],
    models: ['echo-1'],
    limits: made.limits,
    remaining: {
      requests_per_minute: { left: 8, resets_at: at(freddy, 12_000) },
      requests_per_day: { left: 18, resets_at: at(freddy, DAY / 10) },
      tokens_per_day: { left: 96, resets_at: '2026-11-24T00:00:00.000Z' },
      money_per_month: { left: 2.5, resets_at: '2026-12-01T00:00:00.000Z' },
    },
    created_at: made.created_at,
    expires_at: made.expires_at,
  })
  const bare = (await ada.make({ scopes: ['keys:derive'] })).body
  const answer = await asKey(freddy, bare.key)
  assert.deepEqual([answer.status, answer.body.remaining], [200, {}])
  assert.equal((await freddy.ask('GET /v1/api-key', { token: ada.token })).status, 403)
})

const at = (freddy: Freddy, ms: number) => new Date(freddy.now() + ms).toISOString()

/** What the letters about keys say that were sent. */
async function letters(freddy: Freddy): Promise<string[]> {
  await freddy.running.outbox.drain()
  return freddy.mail.mails
    .filter(({ subject }) => subject === 'An API key of yours ends soon')
    .map(({ raw }) => raw.replace(/=\r?\n/g, '').replace(/(=[0-9A-F]{2})+/g, decoded))
}

const decoded = (bytes: string) => decodeURIComponent(bytes.replaceAll('=', '%'))
const namesIn = (told: readonly string[]) =>
  told.map((text) => /Your API key (\S+) /.exec(text)?.[1])

scene('an owner hears of the end of a key fourteen days and two days before', async (freddy) => {
  const { app } = freddy.running
  const ada = await keyOwner(freddy)
  const round = async () => {
    const written = await remindOwners(app, freddy.now())
    await freddy.running.outbox.drain()
    return written
  }
  const { key } = (await ada.make({ name: 'nightly' })).body
  await ada.make({ name: 'for-ever', expires_at: null })
  await ada.make({ name: 'short', expires_at: at(freddy, 10 * DAY) })
  assert.equal(await round(), 0)
  freddy.pass(8 * DAY)
  assert.equal(await round(), 1)
  assert.deepEqual(namesIn(await letters(freddy)), ['short'])
  await useKey(freddy, key)
  await app.keyUses.flush()
  freddy.pass(68 * DAY - 1)
  assert.equal(await round(), 0)
  freddy.pass(1)
  for (const expected of [1, 0]) assert.equal(await round(), expected)
  freddy.pass(12 * DAY)
  for (const expected of [1, 0]) assert.equal(await round(), expected)
  const told = await letters(freddy)
  assert.deepEqual(namesIn(told), ['short', 'nightly', 'nightly'])
  const last = told.at(-1) ?? ''
  assert.match(last, /nightly \(ak_....….{4}\) ends at 2027-02-21 12:00 UTC/)
  assert.match(last, /last used at 2026-12-01 12:00 UTC/)
  freddy.pass(2 * DAY)
  assert.equal(await round(), 0)
})

scene(
  'nobody is reminded of a key that is gone, and anew of one with another end',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const wish = { expires_at: at(freddy, 20 * DAY) }
    const [gone, moved] = [(await ada.make(wish)).body, (await ada.make(wish)).body]
    await ada.revoke(gone.id)
    const round = () => remindOwners(freddy.running.app, freddy.now())
    freddy.pass(6 * DAY)
    assert.equal(await round(), 1)
    const { token } = await freddy.signIn(ada.person)
    const body = { expires_at: at(freddy, 20 * DAY) }
    await freddy.ask(`PATCH /v1/api-keys/${moved.id}`, { token, body })
    freddy.pass(6 * DAY - 1)
    assert.equal(await round(), 0)
    freddy.pass(1)
    assert.equal(await round(), 1)
    await freddy.database.write('UPDATE users SET disabled_at = 1')
    freddy.pass(12 * DAY)
    assert.equal(await round(), 0)
  },
)

scene(
  'an owner hears that an old secret is still in use two days before its end',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await keyOwner(freddy)
    const keys = await Promise.all(
      ['used', 'unused', 'silent', 'brief', 'gone'].map(async (name) => {
        const { id, key } = (await ada.make({ name, expires_at: null })).body
        const overlap_days = name === 'brief' ? 2 : 7
        const silent = name === 'silent' ? { end_when_silent: 3600 } : {}
        await ada.act(id, 'rotate', { overlap_days, ...silent })
        return { name, id, key }
      }),
    )
    const hear = async (...names: string[]) => {
      for (const { key, name } of keys) if (names.includes(name)) await useKey(freddy, key)
      await app.keyUses.flush()
    }
    const round = () => remindOwners(app, freddy.now())
    freddy.pass(1000)
    await hear('used', 'silent', 'brief', 'gone')
    await ada.revoke(keys.find(({ name }) => name === 'gone')?.id ?? '')
    assert.equal(await round(), 0)
    freddy.pass(5 * DAY)
    assert.equal(await round(), 0, 'not heard for a day')
    await hear('used')
    const both = await Promise.all([round(), round(), round()])
    assert.ok(both.some((written) => written === 1))
    assert.equal(await round(), 0)
    await freddy.running.outbox.drain()
    const subjects = freddy.mail.mails.map(({ subject }) => subject)
    assert.equal(subjects.filter((subject) => subject.includes('still in use')).length, 1)
  },
)

scene('two processes that remind at once write one letter', async (freddy, context) => {
  const { app } = freddy.running
  const other = await createApp(app.config, { now: freddy.now, log: app.log })
  context.after(() => other.close())
  const ada = await keyOwner(freddy)
  for (let count = 0; count < 5; count++) await ada.make({ name: `key-${count}` })
  freddy.pass(76 * DAY)
  const both = [app, other.app, app, other.app]
  await Promise.all(both.map((each) => remindOwners(each, freddy.now())))
  assert.deepEqual(namesIn(await letters(freddy)).sort(), [
    'key-0',
    'key-1',
    'key-2',
    'key-3',
    'key-4',
  ])
})
