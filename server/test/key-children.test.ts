import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createApp } from '../src/app.ts'
import { childEnd, isNamed, parentOf, scopesToGive, widened } from '../src/auth/key-tree.ts'
import { operatorScopes, scopes } from '../src/auth/principal.ts'
import { ApiError } from '../src/errors.ts'
import { reserve, settle, settleOverdue, standing } from '../src/responses/ledger.ts'
import type { ApiKeyRow } from '../src/store/api-keys.ts'
import { parseNetworks } from '../src/wire/network.ts'
import { DAY, type Freddy, HOUR, MINUTE, scene } from './freddy.ts'
import { type KeyOwner, keyOwner, useKey } from './key-owner.ts'

const derive = (freddy: Freddy, key: string, more: object = {}) =>
  freddy.ask('POST /v1/api-keys/children', {
    headers: { 'api-key': key },
    body: { name: 'c', ...more },
  })

/** A key that may make others. */
async function parentKey(ada: KeyOwner, more: object = {}) {
  const made = await ada.make({ scopes: ['responses', 'models', 'keys:derive'], ...more })
  assert.equal(made.status, 201, made.text)
  return { id: String(made.body.id), key: String(made.body.key) }
}

async function child(freddy: Freddy, key: string, more: object = {}) {
  const made = await derive(freddy, key, more)
  assert.equal(made.status, 201, made.text)
  return { id: String(made.body.id), key: String(made.body.key), body: made.body }
}

const refusal = ({ status, body }: { status: number; body: { error?: { code: string } } }) => [
  status,
  body.error?.code,
]

scene('a key makes a narrower one, which its owner sees below it', async (freddy) => {
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada, { models: ['echo-*'] })
  const { id, key, body } = await child(freddy, parent.key, { scopes: ['models'] })
  assert.equal(body.parent_id, parent.id)
  assert.deepEqual([body.scopes, body.models], [['models'], ['echo-*']])
  assert.equal(body.expires_at, new Date(freddy.now() + HOUR).toISOString())
  assert.equal((await useKey(freddy, key)).status, 200)
  const hello = { headers: { 'api-key': key }, body: { model: 'echo-1', input: 'hi' } }
  assert.equal((await freddy.ask('POST /v1/responses', hello)).status, 403)

  const { data } = (await freddy.ask('GET /v1/api-keys', { token: ada.token })).body
  const shown = data.map((one: { id: string; parent_id: string }) => [one.id, one.parent_id])
  assert.deepEqual(
    new Map(shown),
    new Map([
      [id, parent.id],
      [parent.id, null],
    ]),
  )
  const events = await freddy.database.read(
    `SELECT user_id, subject_id, reason, actor FROM audit_events WHERE event = 'key.derived'`,
  )
  const told = { user_id: ada.id, subject_id: id, reason: parent.id, actor: null }
  assert.deepEqual(
    events.map((event) => ({ ...event })),
    [told],
  )

  assert.equal((await ada.revoke(id)).status, 200)
  assert.equal((await useKey(freddy, key)).status, 401)
  assert.equal((await useKey(freddy, parent.key)).status, 200)
})

scene(
  'attack 099: only a key with the scope makes keys, and none that makes more',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const parent = await parentKey(ada)
    const plain = (await ada.make({ scopes: ['responses', 'models'] })).body.key
    const forbidden = [403, 'INSUFFICIENT_PERMISSIONS']
    assert.deepEqual(refusal(await derive(freddy, plain)), forbidden)
    const { token } = ada
    const asPerson = { token, body: { name: 'c' } }
    assert.deepEqual(refusal(await freddy.ask('POST /v1/api-keys/children', asPerson)), forbidden)
    assert.equal((await derive(freddy, parent.key, { scopes: ['keys:derive'] })).status, 422)
    const { key } = await child(freddy, parent.key)
    assert.deepEqual(refusal(await derive(freddy, key)), forbidden)
    const alone = await parentKey(ada, { scopes: ['keys:derive'] })
    assert.equal((await derive(freddy, alone.key)).status, 422)
  },
)

scene('attack 099: a child is neither changed nor given another secret', async (freddy) => {
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada, { models: ['echo-1'] })
  const { id } = await child(freddy, parent.key)
  const denied = [403, 'OPERATION_NOT_ALLOWED']
  assert.deepEqual(refusal(await ada.change(id, { expires_at: null })), denied)
  assert.deepEqual(refusal(await ada.act(id, 'rotate')), denied)
})

scene(
  'attack 099: whatever ends or holds a key does it to all it made, at once',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const parent = await parentKey(ada, { expires_at: new Date(freddy.now() + DAY).toISOString() })
    const one = await child(freddy, parent.key, { expires_in: 86_400 })
    const code = async () => (await useKey(freddy, one.key)).body.error?.code
    assert.equal(await code(), undefined)

    await ada.act(parent.id, 'pause')
    assert.equal(await code(), 'API_KEY_PAUSED')
    assert.deepEqual((await ada.show(one.id)).paused_by, 'parent')
    const resumed = await ada.act(one.id, 'resume')
    assert.equal(resumed.body.error.details.reason, 'paused_by_parent')
    await ada.act(parent.id, 'resume')
    assert.equal(await code(), undefined)

    await ada.act(parent.id, 'rotate', { overlap_days: 1 })
    assert.equal(await code(), undefined)

    const soon = new Date(freddy.now() + MINUTE).toISOString()
    await ada.change(parent.id, { expires_at: soon })
    freddy.pass(MINUTE)
    assert.equal(await code(), 'API_KEY_EXPIRED')
    assert.equal((await ada.show(one.id)).status, 'expired')

    const other = await parentKey(ada)
    const two = await child(freddy, other.key)
    assert.equal((await useKey(freddy, two.key)).status, 200)
    await ada.revoke(other.id)
    const since = { since: freddy.now(), afterId: '', most: 10 }
    const ended = await freddy.running.app.store.revocations.list(since)
    assert.ok(ended.some(({ id }) => id === two.id))
    assert.deepEqual(refusal(await useKey(freddy, two.key)), [401, 'INVALID_API_KEY'])
    assert.equal((await ada.show(two.id)).status, 'revoked')
  },
)

scene(
  'attack 099: a secret that ends at once takes what was made with it along',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { config, log, store } = freddy.running.app
    const parent = await parentKey(ada)
    const thieves = await child(freddy, parent.key, { expires_in: 86_400 })
    assert.equal((await useKey(freddy, thieves.key)).status, 200)
    const other = await createApp(config, { now: freddy.now, log })
    const ask = (method: 'GET' | 'POST', url: string, payload?: object) => {
      const headers = { host: 'localhost', 'api-key': parent.key }
      return other.http.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    }
    try {
      assert.equal((await ask('GET', '/v1/models')).statusCode, 200)
      const { body } = await ada.act(parent.id, 'rotate', { overlap_days: 0 })
      assert.deepEqual(refusal(await useKey(freddy, thieves.key)), [401, 'INVALID_API_KEY'])
      assert.equal((await ada.show(thieves.id)).status, 'revoked')
      const since = { since: freddy.now(), afterId: '', most: 10 }
      assert.ok((await store.revocations.list(since)).some(({ id }) => id === thieves.id))
      // Another server remembers the old secret for a second: it makes no key in that.
      assert.equal((await ask('GET', '/v1/models')).statusCode, 200)
      const late = await ask('POST', '/v1/api-keys/children', { name: 'c' })
      assert.deepEqual([late.statusCode, late.json().error?.code], [401, 'API_KEY_EXPIRED'])
      assert.equal((await derive(freddy, body.key)).status, 201)
    } finally {
      await other.close()
    }
  },
)

scene('attack 099: a child ends with the old secret that made it', async (freddy) => {
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada)
  await ada.act(parent.id, 'rotate', { overlap_days: 30, end_when_silent: 3600 })
  const one = await child(freddy, parent.key, { expires_in: 86_400 })
  assert.equal(Date.parse(one.body.expires_at), freddy.now() + HOUR)
})

scene(
  'attack 099: a key that leaked takes its children with it, and the mail counts them',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const parent = await parentKey(ada)
    const one = await child(freddy, parent.key)
    const hello = { headers: { 'api-key': one.key }, body: { model: 'echo-1', input: 'hi' } }
    assert.equal((await freddy.ask('POST /v1/responses', hello)).status, 200)
    await freddy.ask('POST /v1/api-keys/revoke', { body: { key: parent.key } })
    assert.equal((await useKey(freddy, one.key)).status, 401)
    await freddy.running.outbox.drain()
    assert.ok(freddy.mail.mails.some(({ raw }) => raw.includes('1, to echo-1 (1)')))
  },
)

scene('a parent that is bound later binds its children too', async (freddy) => {
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada)
  const { key } = await child(freddy, parent.key, { networks: ['203.0.113.0/24'] })
  const ask = (model: string, from = '203.0.113.7') =>
    freddy.ask('POST /v1/responses', {
      headers: { 'api-key': key },
      from,
      body: { model, input: 'x' },
    })
  assert.equal((await ask('echo-1')).status, 200)
  await ada.change(parent.id, { networks: ['203.0.113.0/30'] })
  assert.equal((await ask('echo-1')).body.error.details.reason, 'network')
  assert.equal((await ask('echo-1', '203.0.113.1')).status, 200)
  await ada.change(parent.id, { networks: null, models: ['other'] })
  assert.equal((await ask('echo-1')).body.error.details.reason, 'model')
})

scene('a key has fifty live children, however many are asked for at once', async (freddy) => {
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada)
  const wishes = Array.from({ length: 55 }, () => derive(freddy, parent.key, { expires_in: 60 }))
  const answers = await Promise.all(wishes)
  const refused = answers.filter(({ status }) => status !== 201)
  assert.equal(refused.length, 5)
  for (const answer of refused) {
    assert.equal(answer.body.error.details.reason, 'too_many_children')
  }
  // They are not among the fifty keys of their person.
  assert.equal((await ada.make()).status, 201)
  freddy.pass(MINUTE)
  assert.equal((await derive(freddy, parent.key)).status, 201)
  freddy.pass(31 * DAY)
  await freddy.running.app.store.sweep.expired(freddy.now(), { auditDays: 90 })
  const kept = await freddy.database.read('SELECT id FROM api_keys WHERE parent_id IS NOT NULL')
  assert.equal(kept.length, 0)
})

scene(
  'attack 099: calls of children count on the request limits of their parent',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const parent = await parentKey(ada, { limits: { requests_per_minute: 4 } })
    const [one, two] = [await child(freddy, parent.key), await child(freddy, parent.key)]
    assert.equal((await useKey(freddy, one.key)).status, 200)
    assert.equal((await useKey(freddy, two.key)).status, 200)
    assert.equal((await useKey(freddy, one.key)).status, 429)
    assert.equal((await useKey(freddy, parent.key)).status, 429)
  },
)

scene('attack 099: what all children spend never passes their parent', async (freddy) => {
  const { app } = freddy.running
  const ada = await keyOwner(freddy)
  const CAP = 3000
  const parent = await parentKey(ada, { limits: { tokens_per_day: CAP } })
  const wide = await derive(freddy, parent.key, { limits: { tokens_per_day: CAP + 1 } })
  assert.equal(wide.status, 422)
  const children = await Promise.all(
    [500, 2000, 3000].map((most) =>
      child(freddy, parent.key, { limits: { tokens_per_day: most } }),
    ),
  )
  const rows = await app.store.apiKeys.list(ada.id, null, 10)
  const most = { inputTokens: 50, outputTokens: 50, money: 0 }
  const spent = new Map<string, number>()
  const refusals = new Set<string>()
  const call = async (index: number) => {
    const { id } = children[index % children.length] ?? assert.fail()
    const row = rows.find((one) => one.id === id) ?? assert.fail()
    const payer = { userId: ada.id, keyId: id, limits: row, parent: parentOf(row) }
    try {
      const about = { requestId: `req_${index}`, model: 'm', most }
      const held = await reserve({ app, now: freddy.now() }, { ...payer, ...about })
      await settle(app, held, most)
      spent.set(id, (spent.get(id) ?? 0) + 100)
    } catch (cause) {
      assert.ok(cause instanceof ApiError && cause.code === 'BUDGET_EXHAUSTED')
      refusals.add(String(cause.details?.level))
    }
  }
  for (let calls = 0; calls < 6; calls++) await call(0)
  assert.deepEqual([spent.get(children[0]?.id ?? ''), refusals], [500, new Set(['key'])])
  await Promise.all(Array.from({ length: 150 }, (_, index) => call(index)))
  await app.usage.flush()
  const sum = [...spent.values()].reduce((all, one) => all + one, 0)
  assert.equal(sum, CAP)
  assert.equal(spent.get(children[0]?.id ?? ''), 500)
  assert.deepEqual(refusals, new Set(['key', 'parent']))
  const limits = rows.find((row) => row.id === parent.id) ?? assert.fail()
  const caller = { userId: ada.id, keyId: parent.id, limits }
  const [day] = await standing(app, caller, freddy.now())
  assert.deepEqual([day?.used, day?.held], [CAP, 0])

  const asParent = { headers: { 'api-key': parent.key }, body: { model: 'echo-1', input: 'x' } }
  assert.equal((await freddy.ask('POST /v1/responses', asParent)).status, 402)
})

scene(
  'a key is given a true account of the calls of a key that it made, and of no other',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await keyOwner(freddy)
    const mayLook = { scopes: ['responses', 'models', 'usage:read', 'keys:derive'] }
    const parent = await parentKey(ada, { ...mayLook, limits: { tokens_per_day: 1000 } })
    const { key: stranger } = (await ada.make({ scopes: ['responses', 'usage:read'] })).body
    const wish = { scopes: ['responses', 'usage:read'], limits: { tokens_per_day: 100 } }
    const one = await child(freddy, parent.key, wish)
    const ask = () => {
      const body = { model: 'echo-1', input: 'hello' }
      return freddy.ask('POST /v1/responses', { headers: { 'api-key': one.key }, body })
    }
    const look = (id: unknown, key: string) =>
      freddy.ask(`GET /v1/usage/requests/${id}/explain`, { headers: { 'api-key': key } })
    const answered = await ask()
    assert.equal(answered.status, 200, answered.text)
    const id = answered.headers['x-request-id']
    const { body } = await look(id, parent.key)
    const step = { tokens: 4, money_millionths: 0 }
    assert.deepEqual(body.moves, [
      { step: 'reserved', from: 'free', to: 'held', ...step },
      { step: 'settled', from: 'held', to: 'spent', ...step },
    ])
    const levels = async (key: string) =>
      (await look(id, key)).body.limits.map(({ level }: { level: string }) => level)
    assert.deepEqual(await levels(parent.key), ['parent', 'key'])
    assert.deepEqual(await levels(one.key), ['key'])

    const row = (await app.store.apiKeys.find(one.id, ada.id)) ?? assert.fail()
    const most = { inputTokens: 10, outputTokens: 20, money: 0 }
    const payer = { userId: ada.id, keyId: one.id, limits: row, parent: parentOf(row) }
    const asked = { ...payer, requestId: 'req_open', model: 'm', most }
    await reserve({ app, now: freddy.now() }, asked)
    assert.equal((await look('req_open', parent.key)).body.outcome, 'open')

    freddy.pass(MINUTE)
    let turned = await ask()
    for (let calls = 1; turned.status === 200 && calls < 20; calls++) turned = await ask()
    assert.equal(turned.status, 429)
    freddy.pass(MINUTE)
    const refused = turned.headers['x-request-id']
    assert.equal((await look(refused, parent.key)).body.code, 'TOO_MANY_REQUESTS')
    assert.equal((await look(refused, one.key)).status, 200)
    for (const other of [id, 'req_open', refused]) {
      assert.equal((await look(other, stranger)).status, 404)
    }
  },
  { env: { LIMITS: 'requests=8/60' } },
)

scene('a call of a child that nobody settled goes off its parent too', async (freddy) => {
  const { app } = freddy.running
  const ada = await keyOwner(freddy)
  const parent = await parentKey(ada, { limits: { tokens_per_day: 1000 } })
  const { id } = await child(freddy, parent.key)
  const row = (await app.store.apiKeys.find(id, ada.id)) ?? assert.fail()
  const payer = { userId: ada.id, keyId: id, limits: row, parent: parentOf(row) }
  const most = { inputTokens: 10, outputTokens: 90, money: 0 }
  const asked = { ...payer, requestId: 'req_lost', model: 'm', most }
  const { held } = await reserve({ app, now: freddy.now() }, asked)
  await settleOverdue(app, (held ?? assert.fail()).lease_until)
  const [day] = await standing(app, payer, freddy.now())
  assert.deepEqual([day?.level, day?.used, day?.held], ['parent', 100, 0])
})

const names = ['a', 'ab', 'abc', 'b', 'a*', 'ab*', 'b*', '*', 'abc*']
const cidrs = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.3',
  '10.1.2.3/8',
  '192.0.2.0/24',
  '2001:db8::/32',
  '::/1',
  '2001:db8:1::/48',
]
const models = ['a', 'ab', 'abc', 'abcd', 'b', 'bc', 'c', '']
const addresses = [
  '10.0.0.1',
  '10.1.0.1',
  '10.1.2.3',
  '192.0.2.9',
  '2001:db8::1',
  '2001:db8:1::1',
  '8000::1',
  '1::1',
]

const some = <T>(values: readonly T[]) => fc.option(fc.subarray([...values], { minLength: 1 }))
const cap = fc.option(fc.integer({ min: 1, max: 5 }))
const caps = fc.record({
  tokens_per_day: cap,
  tokens_per_month: cap,
  money_per_day: cap,
  money_per_month: cap,
})
const wishes = fc.record({
  scopes: some([...scopes, ...operatorScopes]),
  models: some(names),
  networks: some(cidrs),
  limits: caps,
  seconds: fc.integer({ min: 60, max: 86_400 }),
})
const parents = fc.record({
  scopes: fc.subarray([...scopes, ...operatorScopes], { minLength: 1 }),
  models: some(names),
  networks: some(cidrs),
  limits: caps,
  life: fc.option(fc.integer({ min: 1, max: 2 * DAY })),
  retiresIn: fc.option(fc.integer({ min: 1, max: 2 * DAY })),
})

test('attack 099: of random trees of wishes no child is wider than its parent', () => {
  let granted = 0
  const tree = fc.tuple(parents, fc.array(wishes, { minLength: 1, maxLength: 8 }))
  fc.assert(
    fc.property(tree, ([parent, children]) => {
      const row = {
        ...parent.limits,
        scopes: parent.scopes.join(' '),
        models: parent.models?.join(' ') ?? null,
        networks: parent.networks?.join(' ') ?? null,
        expires_at: parent.life,
      } as ApiKeyRow
      for (const wish of children) {
        if (widened(row, wish)) continue
        granted += 1
        const given = wish.scopes ?? scopesToGive(row)
        assert.ok(given.every((scope) => parent.scopes.includes(scope as 'models')))
        assert.ok(!given.includes('keys:derive') && !given.includes('tokens:introspect'))
        const kept = wish.models ?? parent.models
        for (const model of models) {
          assert.ok(!isNamed(model, kept) || isNamed(model, parent.models), model)
        }
        const inside = (list: readonly string[] | null, address: string) =>
          list === null || parseNetworks(list).hold(address)
        for (const address of addresses) {
          const own = inside(wish.networks ?? parent.networks, address)
          assert.ok(!own || inside(parent.networks, address), address)
        }
        for (const [name, most] of Object.entries(wish.limits)) {
          const above = parent.limits[name as 'tokens_per_day']
          assert.ok(most === null || above === null || most <= above, name)
        }
        const { retiresIn } = parent
        const retiring =
          retiresIn === null ? null : { since: 0, until: retiresIn, endsIfSilent: retiresIn }
        const end = childEnd(row, retiring, wish.seconds, 0)
        assert.ok(end <= DAY && end <= (parent.life ?? DAY) && end <= (retiresIn ?? DAY))
      }
    }),
    { seed: 20_261_123, numRuns: 3000 },
  )
  assert.ok(granted > 300, `${granted} wishes were granted`)
})
