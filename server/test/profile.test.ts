import assert from 'node:assert/strict'
import { type Freddy, HOUR, scene } from './freddy.ts'

const rename = (freddy: Freddy, token: string, body: object, path = 'me') =>
  freddy.ask(`PATCH /v1/user/${path}`, { token, body })

const events = async (freddy: Freddy) =>
  freddy.database.read<{ reason: string; user_id: string }>(
    "SELECT reason, user_id FROM audit_events WHERE event = 'profile.changed' ORDER BY happened_at",
  )

scene('a person changes their names, by each of three paths', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  freddy.pass(1000)
  const both = await rename(freddy, token, { full_name: ' Ada Lovelace ', user_name: 'Countess' })
  assert.equal(both.status, 200, both.text)
  assert.equal(both.body.full_name, 'Ada Lovelace')
  assert.equal(both.body.username, 'countess')
  assert.equal(both.body.updated_at, new Date(freddy.now()).toISOString())
  freddy.pass(1000)
  const one = await rename(freddy, token, { full_name: 'Ada' }, 'profile')
  assert.equal(one.body.username, 'countess')
  freddy.pass(1000)
  const gone = await rename(freddy, token, { user_name: null }, 'current')
  assert.deepEqual([gone.body.username, gone.body.full_name], [null, 'Ada'])
  assert.equal((await rename(freddy, token, {})).status, 200)

  const told = await events(freddy)
  assert.deepEqual(
    told.map(({ reason }) => reason),
    ['full_name user_name', 'full_name', 'user_name'],
  )
  assert.ok(told.every(({ user_id }) => user_id === ada.id))
  assert.equal((await freddy.login({ as: 'countess' })).status, 401)
  assert.equal((await freddy.login({ as: ada.email })).status, 200)
})

scene(
  "a user name that is somebody's, or held, is refused, and nothing changes",
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.person('bob')
    const { token } = await freddy.signIn(ada)
    const held = {
      email: 'cleo@example.com',
      password: 'a long sentence of hers',
      user_name: 'cleo',
    }
    assert.equal((await freddy.ask('POST /v1/auth/register', { body: held })).status, 201)
    for (const user_name of ['bob', 'BOB', 'cleo']) {
      const { status, body } = await rename(freddy, token, { user_name, full_name: 'Ada' })
      assert.equal(status, 409, user_name)
      assert.equal(body.error.code, 'USERNAME_TAKEN')
    }
    const { body } = await freddy.ask('GET /v1/user/me', { token })
    assert.deepEqual([body.username, body.full_name], ['ada', null])
    assert.deepEqual(await events(freddy), [])
    assert.equal((await rename(freddy, token, { user_name: 'ada' })).status, 200)
    freddy.pass(2 * HOUR)
    assert.equal((await rename(freddy, token, { user_name: 'cleo' })).status, 200)
  },
)

scene('attack 056, 062: names are held to the rules of a registration', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const odd = [
    { user_name: 'admin' },
    { user_name: 'ad' },
    { user_name: 'a@b' },
    { user_name: '\u0430dmin' },
    { full_name: 'see https://evil.example' },
    { full_name: 'Ada\r\nBcc: eve@example.com' },
    { full_name: 'x'.repeat(65) },
    { full_name: '' },
    { email: 'other@example.com' },
    { role: 'admin' },
    { id: 'usr_1' },
  ]
  for (const body of odd) {
    const { status } = await rename(freddy, token, body)
    assert.equal(status, 422, JSON.stringify(body))
  }
})

scene('attack 065: of many who want one name at once, one gets it', async (freddy) => {
  const tokens: string[] = []
  for (const name of ['ada', 'bob', 'cleo', 'dan'])
    tokens.push((await freddy.signIn(await freddy.person(name))).token)
  const answers = await Promise.all(
    tokens.map((token) => rename(freddy, token, { user_name: 'lovelace' })),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409])
})

scene('an API key may read who its owner is, and change nothing', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const made = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'k', scopes: ['account:read'] },
  })
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('GET /v1/user/me', { headers })).status, 200)
  const refused = await freddy.ask('PATCH /v1/user/me', { headers, body: { full_name: 'Eve' } })
  assert.equal(refused.status, 403)
})
