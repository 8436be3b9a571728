import assert from 'node:assert/strict'
import { createApp } from '../src/app.ts'
import { DAY, type Freddy, MINUTE, scene } from './freddy.ts'
import { keyEvent, keyOwner, useKey } from './key-owner.ts'

const rights = {
  scopes: ['responses', 'usage:read'],
  models: ['echo-*', 'big'],
  networks: ['203.0.113.0/24', '2001:db8::/32', '127.0.0.1'],
  labels: { env: 'prod', team: 'search' },
}
const limits = {
  requests_per_minute: 5,
  requests_per_day: null,
  tokens_per_day: 100,
  tokens_per_month: null,
  money_per_day: null,
  money_per_month: 12.5,
}

function ask(freddy: Freddy, key: string, model: string) {
  const body = { model, input: 'hello' }
  return freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body })
}

scene('what is said of a key when it is made is shown of it', async (freddy) => {
  const ada = await keyOwner(freddy)
  const expires_at = new Date(freddy.now() + 30 * DAY).toISOString()
  const { requests_per_minute, tokens_per_day, money_per_month } = limits
  const said = { requests_per_minute, tokens_per_day, money_per_month }
  const made = await ada.make({ name: 'nightly', ...rights, limits: said, expires_at })
  assert.equal(made.status, 201, made.text)
  const shown = await ada.show(made.body.id)
  for (const { name, scopes, models, networks, labels, ...rest } of [made.body, shown]) {
    assert.deepEqual({ scopes, models, networks, labels }, rights)
    assert.deepEqual([name, rest.limits, rest.expires_at], ['nightly', limits, expires_at])
  }
  assert.equal(shown.status, 'active')
  assert.equal(JSON.stringify(shown).includes(made.body.key), false)
})

scene('a key asks the models it is for, and sees no others', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make({ models: ['big', 'fast-*'] })).body
  for (const model of ['big', 'fast-', 'fast-2']) {
    assert.equal((await ask(freddy, key, model)).status, 200, model)
  }
  for (const model of ['bigger', 'bi', 'fast', 'echo-1', 'Big']) {
    const refused = await ask(freddy, key, model)
    assert.equal(refused.status, 403, model)
    assert.equal(refused.body.error.details.reason, 'model')
  }
  assert.deepEqual((await useKey(freddy, key)).body.data, [])
  const one = { headers: { 'api-key': key } }
  assert.equal((await freddy.ask('GET /v1/models/echo-1', one)).status, 404)
  const free = (await ada.make()).body.key
  assert.equal((await useKey(freddy, free)).body.data.length, 1)
})

scene('a key stops at its budget, and at the next day goes on', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make({ limits: { tokens_per_day: 8 } })).body
  assert.equal((await ask(freddy, key, 'echo-1')).status, 200)
  assert.equal((await ask(freddy, key, 'echo-1')).status, 200)
  const over = await ask(freddy, key, 'echo-1')
  assert.equal(over.status, 402)
  assert.equal(over.body.error.details.limit, 'tokens_per_day')
  freddy.pass(DAY)
  assert.equal((await ask(freddy, key, 'echo-1')).status, 200)
})

scene('a key opens from its networks only, whatever a header says', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ networks: ['203.0.113.0/24', '2001:db8:1::/48'] })).body
  for (const inside of ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:1:2::3']) {
    assert.equal((await useKey(freddy, key, inside)).status, 200, inside)
  }
  for (const outside of ['203.0.114.7', '2001:db8:2::1', '127.0.0.1']) {
    const refused = await freddy.ask('GET /v1/models', {
      headers: { 'api-key': key, 'x-forwarded-for': '203.0.113.7' },
      from: outside,
    })
    assert.equal(refused.status, 403, outside)
    assert.equal(refused.body.error.code, 'INSUFFICIENT_PERMISSIONS')
    assert.equal(refused.body.error.details.reason, 'network')
  }
  await freddy.running.app.keyUses.flush()
  const shown = await ada.show(id)
  assert.deepEqual([shown.refused.calls, shown.refused.last_network], [3, '127.0.0.1'])
  assert.equal(shown.last_used_network, '2001:db8:1:2::/64')
  const trail = await freddy.running.app.store.audit.listRecent({ userId: null, since: 0, most: 9 })
  const refusals = trail.filter(({ event }) => event === 'key.refused')
  assert.deepEqual(
    refusals.map(({ reason, subject_id, user_id }) => [reason, subject_id, user_id]),
    Array(3).fill(['network', id, ada.id]),
  )
})

scene(
  'attack 095: where a key may be used is told to nobody without the whole key',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { key, id } = (await ada.make({ networks: ['203.0.113.0/24'] })).body
    const other = (await ada.make()).body.key
    for (const guess of [
      key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A'),
      key.slice(0, -7) + other.slice(-7),
      other.slice(0, 9),
    ]) {
      const refused = await useKey(freddy, guess, '198.51.100.1')
      assert.equal(refused.status, 401)
      assert.equal(refused.body.error.code, 'INVALID_API_KEY')
    }
    await ada.revoke(id)
    assert.equal((await useKey(freddy, key, '198.51.100.1')).body.error.code, 'INVALID_API_KEY')
  },
)

scene('calls from elsewhere spend nothing of a key, and are counted by source', async (freddy) => {
  const ada = await keyOwner(freddy)
  const wish = { networks: ['203.0.113.0/24'], limits: { requests_per_minute: 2 } }
  const { key } = (await ada.make(wish)).body
  for (let call = 0; call < 300; call++) {
    assert.equal((await useKey(freddy, key, '198.51.100.1')).status, 403)
  }
  assert.equal((await useKey(freddy, key, '198.51.100.1')).status, 429)
  assert.equal((await useKey(freddy, key, '203.0.113.1')).status, 200)
  const written = await freddy.database.read(
    "SELECT id FROM audit_events WHERE event = 'key.refused'",
  )
  assert.equal(written.length, 10, 'who hammers does not fill the trail')
})

scene('a key with request limits of its own is held to those, and told of them', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ limits: { requests_per_minute: 3 } })).body
  const first = await useKey(freddy, key)
  assert.equal(first.headers['ratelimit-policy'], '"requests";q=3;w=60')
  assert.equal(first.headers.ratelimit, '"requests";r=2;t=20')
  assert.equal(first.headers['x-ratelimit-limit'], '3')
  for (let call = 1; call < 3; call++) assert.equal((await useKey(freddy, key)).status, 200)
  const over = await useKey(freddy, key)
  assert.equal(over.status, 429)
  assert.equal(over.body.error.details.retry_after, 20)
  assert.equal(over.headers['x-ratelimit-remaining'], '0')
  const other = (await ada.make()).body.key
  assert.equal((await useKey(freddy, other)).headers['x-ratelimit-limit'], '100')

  // Another number is no fresh start: what the minute has seen still counts.
  assert.equal((await ada.change(id, { limits: { requests_per_minute: 2 } })).status, 200)
  assert.equal((await useKey(freddy, key)).status, 429)
  freddy.pass(MINUTE)
  assert.equal((await useKey(freddy, key)).headers['x-ratelimit-limit'], '2')
  const busy = (await ada.make({ limits: { requests_per_minute: 100 } })).body
  for (let call = 0; call < 10; call++) await useKey(freddy, busy.key)
  await ada.change(busy.id, { limits: { requests_per_minute: null } })
  assert.equal((await useKey(freddy, busy.key)).status, 200, 'nor a longer wait')
})

scene('a day of a key ends at its own number, and a minute at the usual one', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ limits: { requests_per_day: 130 } })).body
  for (let call = 0; call < 120; call++) assert.equal((await useKey(freddy, key)).status, 200)
  assert.equal((await useKey(freddy, key)).status, 429)
  freddy.pass(MINUTE)
  for (let call = 120; call < 130; call++) {
    const { status, headers } = await useKey(freddy, key)
    assert.deepEqual([status, headers['x-ratelimit-limit']], [200, '130'])
  }
  assert.equal((await useKey(freddy, key)).status, 429)
  assert.equal((await ada.change(id, { limits: { requests_per_day: null } })).status, 200)
  freddy.pass(MINUTE)
  assert.equal((await useKey(freddy, key)).headers['x-ratelimit-limit'], '100')
})

scene(
  'attack 099: nobody gives a key more than they have, or what it cannot have',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const { id } = (await ada.make()).body
    const wrong: readonly [object, string][] = [
      [{ limits: { requests_per_minute: 101 } }, 'limits.requests_per_minute'],
      [{ limits: { requests_per_day: 10_001 } }, 'limits.requests_per_day'],
      [{ limits: { tokens_per_day: 0 } }, 'limits.tokens_per_day'],
      [{ limits: { tokens_per_day: 1.5 } }, 'limits.tokens_per_day'],
      [{ limits: { money_per_day: -1 } }, 'limits.money_per_day'],
      [{ limits: { rate: 1 } }, 'limits.rate'],
      [{ limits: { tokens_per_day: '9' } }, 'limits.tokens_per_day'],
      [{ networks: ['0.0.0.0/0'] }, 'networks'],
      [{ networks: ['::/0'] }, 'networks'],
      [{ networks: ['10.0.0.0/33'] }, 'networks'],
      [{ networks: ['::ffff:10.0.0.0/104'] }, 'networks'],
      [{ networks: ['example.com'] }, 'networks'],
      [{ networks: ['10.0.0.0/8 0.0.0.0/0'] }, 'networks'],
      [{ networks: [] }, 'networks'],
      [{ models: [] }, 'models'],
      [{ models: ['a b'] }, 'models.0'],
      [{ models: ['a*b'] }, 'models'],
      [{ models: ['*a'] }, 'models'],
      [{ labels: { Env: 'x' } }, 'labels.Env'],
      [{ labels: { env: 'a\nb' } }, 'labels'],
      [{ labels: { env: 1 } }, 'labels.env'],
      [{ expires_at: new Date(freddy.now()).toISOString() }, 'expires_at'],
      [{ name: 'https://evil.example' }, 'name'],
      [{ user_id: 'usr_1' }, 'user_id'],
    ]
    for (const [body, field] of wrong) {
      for (const answer of [await ada.make(body), await ada.change(id, body)]) {
        assert.equal(answer.status, 422, `${JSON.stringify(body)} ${answer.text}`)
        assert.equal(answer.body.error.details.fields[0].field, field)
      }
    }
    assert.equal((await ada.make({ scopes: ['admin'] })).status, 422)
    assert.equal((await freddy.database.read('SELECT id FROM api_keys')).length, 1)
  },
)

scene('an owner narrows and widens a key, from its next call on', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ labels: { env: 'dev' } })).body
  assert.equal((await ask(freddy, key, 'big')).status, 200)
  const narrow = { models: ['small'], networks: ['203.0.113.0/24'], labels: { env: 'prod' } }
  const changed = await ada.change(id, { ...narrow, limits: { tokens_per_day: 5 } })
  assert.equal(changed.status, 200, changed.text)
  assert.deepEqual(changed.body, await ada.show(id))
  assert.deepEqual([changed.body.labels, changed.body.limits.tokens_per_day], [{ env: 'prod' }, 5])
  assert.equal((await ask(freddy, key, 'small')).status, 403, 'from elsewhere')
  assert.equal((await ada.change(id, { networks: null })).status, 200)
  assert.equal((await ask(freddy, key, 'big')).status, 403)
  assert.equal((await ask(freddy, key, 'small')).status, 200)
  assert.equal((await ask(freddy, key, 'small')).status, 402)

  const wide = { name: ' renamed ', models: null, limits: { tokens_per_day: null }, labels: {} }
  const freed = (await ada.change(id, { ...wide, expires_at: null })).body
  assert.deepEqual([freed.name, freed.models, freed.expires_at], ['renamed', null, null])
  assert.deepEqual([freed.labels, freed.limits.tokens_per_day], [{}, null])
  assert.equal((await ask(freddy, key, 'big')).status, 200)
  assert.deepEqual(await ada.show(id), (await ada.change(id, {})).body)
})

scene('what a key has of an earlier change stays when another is made', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { id } = (await ada.make({ models: ['a'], limits: { tokens_per_day: 5 } })).body
  const changed = (await ada.change(id, { limits: { money_per_day: 0.000001 } })).body
  assert.deepEqual(changed.models, ['a'])
  assert.deepEqual([changed.limits.tokens_per_day, changed.limits.money_per_day], [5, 0.000001])
})

scene('attack 096: scopes are decided once, by nobody but the owner', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ scopes: ['models'] })).body
  const wider = await ada.change(id, { scopes: ['models', 'responses'] })
  assert.equal(wider.status, 422)
  const headers = { 'api-key': key }
  const own = await freddy.ask(`PATCH /v1/api-keys/${id}`, { headers, body: { models: null } })
  assert.equal(own.status, 403)
  assert.deepEqual((await ada.show(id)).scopes, ['models'])
})

scene('attack 095: a key that has ended is changed no more', async (freddy) => {
  const ada = await keyOwner(freddy)
  const soon = new Date(freddy.now() + MINUTE).toISOString()
  const [over, gone] = [(await ada.make({ expires_at: soon })).body, (await ada.make()).body]
  await ada.revoke(gone.id)
  freddy.pass(MINUTE)
  for (const { id, key } of [over, gone]) {
    const answer = await ada.change(id, { expires_at: null })
    assert.equal(answer.status, 403)
    assert.equal(answer.body.error.details.reason, 'key_ended')
    assert.equal((await useKey(freddy, key)).status, 401)
  }
})

scene('attack 023: a key is changed by its owner', async (freddy) => {
  const ada = await keyOwner(freddy)
  const eve = await keyOwner(freddy, 'eve')
  const { id } = (await ada.make({ labels: { env: 'dev' } })).body
  const before = await ada.show(id)
  const theirs = await eve.change(id, { name: 'mine', labels: { env: 'eve' } })
  const nobodys = await eve.change(`key_${'0'.repeat(32)}`, { name: 'mine' })
  assert.equal(theirs.status, 404)
  assert.equal(theirs.body.error.message, nobodys.body.error.message)
  const { apiKeys } = freddy.running.app.store
  const asked = { id, userId: eve.id }
  const change = apiKeys.change(asked, { name: 'x' }, { env: 'x' }, keyEvent(freddy, 'key.changed'))
  assert.equal(await change, false)
  assert.deepEqual(await ada.show(id), before)
})

scene('when, from where and with what a key was last used is written in rounds', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  assert.equal((await ada.show(id)).last_used_at, null)
  const call = (agent: string) =>
    freddy.ask('GET /v1/models', {
      headers: { 'api-key': key, 'user-agent': agent },
      from: '203.0.113.7',
    })
  for (const agent of ['one/1', 'two/2', 'three/3']) {
    freddy.pass(1000)
    assert.equal((await call(agent)).status, 200)
  }
  assert.equal((await ada.show(id)).last_used_at, null, 'no call waited for a write')
  await freddy.running.app.keyUses.flush()
  const list = (await freddy.ask('GET /v1/api-keys', { token: ada.token })).body.data[0]
  for (const shown of [await ada.show(id), list]) {
    assert.equal(Date.parse(shown.last_used_at), freddy.now())
    assert.deepEqual([shown.last_used_network, shown.last_used_client], ['203.0.113.7', 'three/3'])
  }
  // What another process wrote later stays.
  const earlier = { keyId: id, at: freddy.now() - 1, source: 'x', agent: 'x' }
  await freddy.running.app.store.keyUses.record([earlier], [], [])
  assert.equal((await ada.show(id)).last_used_client, 'three/3')
})

scene('a busy key is written once a minute of each place', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  const began = freddy.now()
  const call = async (from: string) => {
    assert.equal((await useKey(freddy, key, from)).status, 200)
    await freddy.running.app.keyUses.flush()
    const { last_used_at, last_used_network } = await ada.show(id)
    return [Date.parse(last_used_at) - began, last_used_network]
  }
  const here = '203.0.113.7'
  const told = []
  for (let count = 0; count < 6; count++) {
    told.push(await call(here))
    freddy.pass(12_000)
  }
  assert.deepEqual(told, [...Array.from({ length: 5 }, () => [0, here]), [60_000, here]])
  assert.deepEqual(await call('203.0.113.8'), [72_000, '203.0.113.8'])
  freddy.pass(1000)
  assert.deepEqual(await call(here), [73_000, here])
})

scene('what was noted of a key is written when the server closes', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  const { config, log } = freddy.running.app
  const other = await createApp(config, { now: freddy.now, log })
  const headers = { host: 'localhost', 'api-key': key, 'user-agent': 'last/1' }
  try {
    const answer = await other.http.inject({ method: 'GET', url: '/v1/models', headers })
    assert.equal(answer.statusCode, 200)
  } finally {
    await other.close()
  }
  assert.equal((await ada.show(id)).last_used_client, 'last/1')
})

scene('of sixty keys made at once fifty are made', async (freddy) => {
  const ada = await keyOwner(freddy)
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => ada.make({ labels: { a: 'b' } })),
  )
  const made = answers.filter(({ status }) => status === 201)
  assert.equal(made.length, 50)
  assert.equal((await freddy.database.read('SELECT key_id FROM api_key_labels')).length, 50)
})
