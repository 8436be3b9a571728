import assert from 'node:assert/strict'
import { DAY, type Freddy, HOUR, MINUTE, scene } from './freddy.ts'

const refresh = (freddy: Freddy, refresh_token: string, more: object = {}) =>
  freddy.ask('POST /v1/auth/refresh', { body: { refresh_token, ...more } })

scene('the first refresh token works for thirty days and not a second longer', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  for (let day = 0; day < 29; day++) {
    freddy.pass(DAY)
    const answer = await refresh(freddy, refreshToken)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(
      (await freddy.ask('GET /v1/auth/validate', { token: answer.body.token })).status,
      200,
    )
  }
  freddy.pass(DAY + 31_000)
  assert.equal((await refresh(freddy, refreshToken)).status, 401)
})

scene('attack 091: an access token never outlives its session', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  freddy.pass(29 * DAY + 23 * HOUR)
  const { body } = await refresh(freddy, refreshToken)
  assert.equal(body.expires_in, 3600)
  freddy.pass(HOUR)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: body.token })).status, 401)
})

scene('attack 089: twenty tabs that rotate one token get one successor', async (freddy) => {
  const { refreshToken, device_id } = await freddy.signIn(await freddy.person('ada'))
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => refresh(freddy, refreshToken, { rotate: true })),
  )
  for (const answer of answers) assert.equal(answer.status, 200, answer.text)
  const successors = new Set(answers.map(({ body }) => body.refreshToken))
  assert.equal(successors.size, 1)
  assert.notEqual([...successors][0], refreshToken)
  for (const { body } of answers) {
    assert.equal(body.device_id, device_id)
    assert.equal(body.refreshToken, body.refresh_token)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token: body.token })).status, 200)
  }
})

scene('a lost answer is asked for again within ten seconds', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  const first = await refresh(freddy, refreshToken, { rotate: true })
  freddy.pass(10_000)
  const again = await refresh(freddy, refreshToken, { rotate: true })
  assert.equal(again.body.refreshToken, first.body.refreshToken)
  const next = await refresh(freddy, first.body.refreshToken, { rotate: true })
  assert.equal(next.status, 200, next.text)
})

scene('attack 088: a token used after it was replaced ends the session', async (freddy) => {
  const { refreshToken: one, token } = await freddy.signIn(await freddy.person('ada'))
  const two = (await refresh(freddy, one, { rotate: true })).body
  const three = (await refresh(freddy, two.refreshToken, { rotate: true })).body
  const stolen = await refresh(freddy, one)
  assert.equal(stolen.status, 401)
  assert.equal(stolen.body.error.details.reason, 'token_reuse')
  assert.equal((await refresh(freddy, three.refreshToken)).status, 401)
  for (const gone of [token, two.token, three.token]) {
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token: gone })).status, 401)
  }
})

scene('attack 088: the grace is ten seconds and no longer', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  const two = (await refresh(freddy, refreshToken, { rotate: true })).body
  freddy.pass(10_001)
  assert.equal((await refresh(freddy, refreshToken, { rotate: true })).status, 401)
  assert.equal((await refresh(freddy, two.refreshToken)).status, 401)
})

scene('attack 084: signing out is at once, for the warm token too', async (freddy) => {
  const ada = await freddy.person('ada')
  const here = await freddy.signIn(ada)
  const there = await freddy.signIn(ada)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: here.token })).status, 200)
  const out = await freddy.ask('POST /v1/auth/logout', {
    token: here.token,
    body: { refresh_token: there.refreshToken },
  })
  assert.equal(out.status, 200, out.text)
  assert.match(out.body.logged_out_at, /^2026-11-23T12:00:00.000Z$/)
  const refused = await freddy.ask('GET /v1/auth/validate', { token: here.token })
  assert.equal(refused.status, 401)
  assert.equal(refused.body.error.details.reason, 'signed_out')
  assert.equal((await refresh(freddy, here.refreshToken)).status, 401)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: there.token })).status, 200)
  assert.equal((await refresh(freddy, there.refreshToken)).status, 200)
})

scene(
  'attack 084: a session that another process ended is refused within a second',
  async (freddy) => {
    const { token, device_id } = await freddy.signIn(await freddy.person('ada'))
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 200)
    await freddy.database.write('UPDATE sessions SET ended_at = 1 WHERE id = :id', {
      id: device_id,
    })
    freddy.pass(1000)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
  },
)

scene('attack 086: a disabled account is out, and so are its keys', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  const { key } = (await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })).body
  await freddy.database.write('UPDATE users SET disabled_at = 1 WHERE id = :id', { id: ada.id })
  freddy.pass(1000)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
  assert.equal((await refresh(freddy, refreshToken)).status, 401)
  assert.equal((await freddy.ask('GET /v1/models', { headers: { 'api-key': key } })).status, 401)
  assert.equal((await freddy.login(ada)).status, 401)
})

scene('attack 077: neither token opens the door of the other', async (freddy) => {
  const { token, refreshToken, device_token } = await freddy.signIn(await freddy.person('ada'))
  for (const wrong of [refreshToken, device_token, 'ak_']) {
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token: wrong })).status, 401)
  }
  for (const wrong of [token, device_token])
    assert.equal((await refresh(freddy, wrong)).status, 401)
})

scene('a session may be refreshed sixty times an hour', async (freddy) => {
  const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
  for (let count = 0; count < 60; count++) {
    assert.equal((await refresh(freddy, refreshToken)).status, 200)
  }
  const over = await refresh(freddy, refreshToken)
  assert.equal(over.status, 429)
  assert.equal(over.headers['retry-after'], String(over.body.error.details.retry_after))
  freddy.pass(over.body.error.details.retry_after * 1000)
  assert.equal((await refresh(freddy, refreshToken)).status, 200)
})

scene('attack 093: a person has fifty sessions, and the oldest one goes', async (freddy) => {
  const ada = await freddy.person('ada')
  const tokens: string[] = []
  for (let count = 0; count < 51; count++) {
    freddy.pass(40 * MINUTE)
    const { token } = await freddy.signIn(ada)
    tokens.push(token)
    if (count === 0)
      assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 200)
  }
  const alive = await freddy.database.read<{ count: number }>(
    'SELECT count(*) AS count FROM sessions WHERE ended_at IS NULL',
  )
  assert.equal(alive[0]?.count, 50)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: tokens[0] ?? '' })).status, 401)
})

scene('a refresh token opens nothing for who reads the database or its clock', async (freddy) => {
  const { refreshToken, token } = await freddy.signIn(await freddy.person('ada'))
  const rows = await freddy.database.read('SELECT * FROM sessions')
  const stored = JSON.stringify(rows)
  for (const secret of [refreshToken, token, ...refreshToken.split('.'), ...token.split('.')]) {
    if (secret.length > 40) assert.equal(stored.includes(secret), false)
  }
})
