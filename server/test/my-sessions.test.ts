import assert from 'node:assert/strict'
import { DAY, type Freddy, MINUTE, scene } from './freddy.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

const sessions = '/v1/auth/sessions'
const signedIn = { ended_at: null, end_reason: null, explanation: 'It is signed in.' }
const isIn = async (freddy: Freddy, token: string) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status === 200
const refresh = (freddy: Freddy, refresh_token: string) =>
  freddy.ask('POST /v1/auth/refresh', { body: { refresh_token } })

scene('a person sees where they are signed in, and which one this is', async (freddy) => {
  const ada = await freddy.person('ada')
  const laptop = await freddy.signIn(ada, {
    from: '2001:db8:1:2::3',
    headers: { 'user-agent': FIREFOX },
  })
  freddy.pass(MINUTE)
  const login = await freddy.login(ada, { from: '192.0.2.1', headers: { 'user-agent': SAFARI } })
  const phone = await freddy.ask('POST /v1/auth/verify', {
    from: '192.0.2.1',
    headers: { 'user-agent': SAFARI },
    body: {
      email_key: login.body.email_key,
      verification_code: Number(await freddy.codeFor(ada.email)),
      device_info: { platform: 'iOS 18', location: 'Oslo' },
      device_information: { device: "Ada's phone" },
    },
  })

  const { body } = await freddy.ask(`GET ${sessions}`, { token: phone.body.token })
  assert.deepEqual(body, {
    object: 'list',
    data: [
      {
        id: phone.body.device_id,
        current: true,
        device_name: "Ada's phone",
        platform: 'iOS 18',
        location: 'Oslo',
        network: '192.0.2.1',
        last_seen_network: '192.0.2.1',
        last_seen_with: 'Safari on iOS',
        amr: ['pwd', 'email'],
        first_seen_at: '2026-11-23T12:01:00.000Z',
        last_seen_at: '2026-11-23T12:01:00.000Z',
        expires_at: '2026-12-23T12:01:00.000Z',
        ...signedIn,
      },
      {
        id: laptop.device_id,
        current: false,
        device_name: 'Firefox on Linux',
        platform: 'Linux',
        location: null,
        network: '2001:db8:1:2::/64',
        last_seen_network: '2001:db8:1:2::/64',
        last_seen_with: 'Firefox on Linux',
        amr: ['pwd', 'email'],
        first_seen_at: '2026-11-23T12:00:00.000Z',
        last_seen_at: '2026-11-23T12:00:00.000Z',
        expires_at: '2026-12-23T12:00:00.000Z',
        ...signedIn,
      },
    ],
    has_more: false,
  })
  const devices = await freddy.ask('GET /v1/user/devices?limit=1', { token: laptop.token })
  assert.deepEqual(devices.body, {
    object: 'list',
    data: [
      {
        device_id: phone.body.device_id,
        device_name: "Ada's phone",
        platform: 'iOS 18',
        location: 'Oslo',
        last_used_at: '2026-11-23T12:01:00.000Z',
      },
    ],
    has_more: true,
  })
})

scene('a person sees also where they were signed in, and why no longer', async (freddy) => {
  const ada = await freddy.person('ada')
  const old = await freddy.signIn(ada)
  freddy.pass(30 * DAY)
  const out = await freddy.signIn(ada)
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/logout', { token: out.token })
  const { token } = await freddy.signIn(ada)
  const { body } = await freddy.ask(`GET ${sessions}?state=ended`, { token })
  const told = body.data.map(({ id, ended_at, end_reason }: Record<string, string>) => [
    id,
    end_reason,
    ended_at,
  ])
  assert.deepEqual(told, [
    [out.device_id, 'signed_out', '2026-12-23T12:01:00.000Z'],
    [old.device_id, 'expired', '2026-12-23T12:00:00.000Z'],
  ])
})

scene('the list of sessions goes page by page, each of them once', async (freddy) => {
  const ada = await freddy.person('ada')
  const made = []
  for (let count = 0; count < 4; count++) made.push(await freddy.signIn(ada))
  const token = made[0]?.token
  const seen: string[] = []
  for (let after = ''; ; after = `&after=${seen.at(-1)}`) {
    const { body } = await freddy.ask(`GET ${sessions}?limit=1${after}`, { token })
    seen.push(...body.data.map(({ id }: { id: string }) => id))
    if (!body.has_more) break
  }
  assert.deepEqual(seen.toSorted(), made.map(({ device_id }) => device_id).toSorted())
  for (const wrong of ['limit=0', 'limit=101', 'after=x', 'other=1', 'state=all'])
    assert.equal((await freddy.ask(`GET ${sessions}?${wrong}`, { token })).status, 422, wrong)
})

scene('attack 023: the session of another person is one that is not there', async (freddy) => {
  const ada = await freddy.signIn(await freddy.person('ada'))
  const { token } = await freddy.signIn(await freddy.person('eve'))
  const told = []
  for (const id of [ada.device_id, `ses_${'0'.repeat(32)}`]) {
    for (const method of ['GET', 'DELETE']) {
      const { status, body } = await freddy.ask(`${method} ${sessions}/${id}`, { token })
      const { trace_id: _, timestamp: __, ...rest } = body.error
      told.push({ status, rest })
    }
  }
  assert.equal(told[0]?.status, 404)
  for (const each of told) assert.deepEqual(each, told[0])
  const all = await freddy.ask(`DELETE ${sessions}`, { token })
  assert.equal(all.body.deleted, 0)
  const listed = await freddy.ask(`GET ${sessions}?after=${ada.device_id}`, { token })
  assert.deepEqual(listed.body.data, [])
  assert.equal(await isIn(freddy, ada.token), true)
  assert.equal((await refresh(freddy, ada.refreshToken)).status, 200)
})

scene('attack 023: the store itself ends only what is its owner’s', async (freddy) => {
  const ada = await freddy.signIn(await freddy.person('ada'))
  const eve = await freddy.person('eve')
  const { store } = freddy.running.app
  const event = {
    id: 'evt_1',
    happenedAt: freddy.now(),
    event: 'session.ended',
    outcome: 'allowed',
    reason: null,
    userId: eve.id,
    subjectId: ada.device_id,
    source: null,
    agent: null,
    salt: '',
    digest: '',
  } as const
  const ended = store.sessions.endOwn(ada.device_id, eve.id, 'signed_out_elsewhere', event)
  assert.equal(await ended, false)
  const rows = await freddy.database.read("SELECT id FROM audit_events WHERE id = 'evt_1'")
  assert.deepEqual(rows, [], 'nothing is told of what did not happen')
  freddy.pass(1000)
  assert.equal(await isIn(freddy, ada.token), true)
})

scene('attack 084: a session that is ended from another one is out at once', async (freddy) => {
  const ada = await freddy.person('ada')
  const here = await freddy.signIn(ada)
  const there = await freddy.signIn(ada)
  assert.equal(await isIn(freddy, there.token), true)
  const end = () => freddy.ask(`DELETE ${sessions}/${there.device_id}`, { token: here.token })
  assert.deepEqual((await end()).body, {
    id: there.device_id,
    object: 'session',
    deleted: true,
  })
  assert.equal(await isIn(freddy, there.token), false)
  assert.equal((await refresh(freddy, there.refreshToken)).status, 401)
  assert.equal(await isIn(freddy, here.token), true)
  assert.equal((await end()).status, 200, 'what is over stays over')
  const { body } = await freddy.ask(`GET ${sessions}`, { token: here.token })
  assert.deepEqual(
    body.data.map(({ id }: { id: string }) => id),
    [here.device_id],
  )
  await freddy.ask(`DELETE ${sessions}/${here.device_id}`, { token: here.token })
  assert.equal(await isIn(freddy, here.token), false, 'ending this one is signing out')
})

scene('attack 084: signing out everywhere else leaves this session alone', async (freddy) => {
  const ada = await freddy.person('ada')
  const eve = await freddy.signIn(await freddy.person('eve'))
  const others = [await freddy.signIn(ada), await freddy.signIn(ada)]
  const here = await freddy.signIn(ada)
  for (const { token } of others) assert.equal(await isIn(freddy, token), true)
  const answer = await freddy.ask(`DELETE ${sessions}`, { token: here.token })
  assert.deepEqual(answer.body, { object: 'session', deleted: 2 })
  for (const { token, refreshToken } of others) {
    assert.equal(await isIn(freddy, token), false)
    assert.equal((await refresh(freddy, refreshToken)).status, 401)
  }
  for (const { token, refreshToken } of [here, eve]) {
    assert.equal(await isIn(freddy, token), true)
    assert.equal((await refresh(freddy, refreshToken)).status, 200)
  }
  const again = await freddy.ask(`DELETE ${sessions}`, { token: here.token })
  assert.equal(again.body.deleted, 0)
})

scene('a session is seen once a minute, and no request waits for it', async (freddy) => {
  const { token, device_id } = await freddy.signIn(await freddy.person('ada'))
  const { sightings } = freddy.running.app
  const ask = (from: string) =>
    freddy.ask(`GET ${sessions}/${device_id}`, { token, from, headers: { 'user-agent': 'curl/8' } })
  const seen = async () => {
    const { body } = await ask('203.0.113.7')
    return [body.last_seen_at.slice(11, 19), body.last_seen_network, body.network]
  }
  const began = ['12:00:00', '127.0.0.1', '127.0.0.1']
  freddy.pass(MINUTE - 1)
  assert.deepEqual(await seen(), began)
  await sightings.flush()
  assert.deepEqual(await seen(), began, 'less than a minute is not worth a write')

  freddy.pass(1)
  await seen()
  assert.deepEqual(await seen(), began, 'a request writes nothing')
  await sightings.flush()
  const later = ['12:01:00', '203.0.113.7', '127.0.0.1']
  assert.deepEqual(await seen(), later)

  freddy.pass(MINUTE / 2)
  await ask('198.51.100.9')
  await sightings.flush()
  assert.deepEqual(await seen(), later)
})

scene('of two servers that saw one session in a minute, one writes', async (freddy) => {
  const { device_id: id } = await freddy.signIn(await freddy.person('ada'))
  const { sessions: store } = freddy.running.app.store
  const see = (at: number, source: string) => store.see({ id, at, source, agent: 'curl/8' }, MINUTE)
  await see(freddy.now() + MINUTE, 'one')
  await see(freddy.now() + MINUTE + 1, 'two')
  const [row] = await freddy.database.read('SELECT last_seen_at, seen_source FROM sessions')
  assert.deepEqual([row?.last_seen_at, row?.seen_source], [freddy.now() + MINUTE, 'one'])
})

scene(
  'attack 091: a session that is used is not idle, though nobody renews it',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const idle = await freddy.signIn(ada)
    const used = await freddy.signIn(ada)
    freddy.pass(DAY)
    assert.equal(await isIn(freddy, used.token), true)
    await freddy.running.app.sightings.flush()
    freddy.pass(DAY)
    const { token } = (await refresh(freddy, used.refreshToken)).body
    const { body } = await freddy.ask(`GET ${sessions}`, { token })
    assert.deepEqual(
      body.data.map(({ id }: { id: string }) => id),
      [used.device_id],
    )
    assert.equal((await refresh(freddy, idle.refreshToken)).status, 401)
  },
  { env: { SESSION_IDLE_DAYS: '2' } },
)

scene(
  'attack 085: who ends all other sessions ends each sign-in under way, and no reset',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    freddy.pass(MINUTE)
    const begun = await freddy.login(ada)
    const code = Number(await freddy.codeFor(ada.email))
    freddy.pass(MINUTE)
    const reset = { email: ada.email }
    const { body } = await freddy.ask('POST /v1/auth/password/reset', { body: reset })
    const way = Number(await freddy.codeFor(ada.email))
    assert.equal((await freddy.ask('DELETE /v1/auth/sessions', { token })).status, 200)
    assert.equal((await freddy.verify(begun.body.email_key, code)).status, 401)
    const chosen = {
      email_key: body.email_key,
      verification_code: way,
      new_password: 'a quite different sentence',
    }
    const done = await freddy.ask('POST /v1/auth/password/reset/verify', { body: chosen })
    assert.equal(done.status, 200, done.text)
  },
)

scene('attack 085: no sign-in slips in while its person signs out elsewhere', async (freddy) => {
  const people = Array.from({ length: 12 }, async (_, index) => {
    const who = await freddy.person(`p${index}`)
    const { token } = await freddy.signIn(who)
    const { body } = await freddy.login(who)
    return { token, key: body.email_key, code: Number(await freddy.codeFor(who.email)) }
  })
  const ready = await Promise.all(people)
  await Promise.all(
    ready.flatMap(({ token, key, code }) => [
      freddy.verify(key, code),
      freddy.ask('DELETE /v1/auth/sessions', { token }),
    ]),
  )
  const live = await freddy.database.read('SELECT id FROM sessions WHERE ended_at IS NULL')
  assert.equal(live.length, ready.length)
})
