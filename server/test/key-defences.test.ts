import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApiKey, newApiKey } from '../src/auth/api-key.ts'
import { scopes } from '../src/auth/principal.ts'
import { DAY, type Freddy, scene } from './freddy.ts'

async function owner(freddy: Freddy) {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const make = (more: object = {}) =>
    freddy.ask('POST /v1/api-keys', { token, body: { name: 'k', ...more } })
  const use = (key: string) => freddy.ask('GET /v1/models', { headers: { 'api-key': key } })
  return { token, make, use }
}

test('attack 095: a key with one character changed has not the form of a key', () => {
  const key = newApiKey()
  assert.equal(isApiKey(key), true)
  for (let place = 3; place < key.length; place++) {
    const other = key[place] === 'A' ? 'B' : 'A'
    assert.equal(isApiKey(key.slice(0, place) + other + key.slice(place + 1)), false, `${place}`)
  }
})

scene('attack 095: a key ends after ninety days when nothing else was said', async (freddy) => {
  const { make, use } = await owner(freddy)
  const { body } = await make()
  assert.equal(Date.parse(body.expires_at), freddy.now() + 90 * DAY)
  freddy.pass(90 * DAY - 1)
  assert.equal((await use(body.key)).status, 200)
  freddy.pass(1)
  const over = await use(body.key)
  assert.equal(over.status, 401)
  assert.equal(over.body.error.code, 'API_KEY_EXPIRED')
})

scene(
  'attack 095: a key that another process revoked is refused within a second',
  async (freddy) => {
    const { make, use } = await owner(freddy)
    const { body } = await make()
    assert.equal((await use(body.key)).status, 200)
    await freddy.database.write('UPDATE api_keys SET revoked_at = 1')
    freddy.pass(1000)
    assert.equal((await use(body.key)).status, 401)
  },
)

scene('attack 095: the end of a key lies ahead, at most ten years', async (freddy) => {
  const { make } = await owner(freddy)
  const at = (days: number) => new Date(freddy.now() + days * DAY).toISOString()
  for (const expires_at of [at(-1), at(0), at(3651), '9999-12-31T00:00:00Z']) {
    assert.equal((await make({ expires_at })).status, 422, expires_at)
  }
  for (const expires_at of [at(1), at(3650), null]) {
    assert.equal((await make({ expires_at })).status, 201, String(expires_at))
  }
})

scene('a person has fifty keys, and a place when one is revoked', async (freddy) => {
  const { token, make } = await owner(freddy)
  const { id } = (await make()).body
  for (let count = 1; count < 50; count++) assert.equal((await make()).status, 201)
  assert.equal((await make()).status, 422)
  assert.equal((await freddy.ask(`DELETE /v1/api-keys/${id}`, { token })).status, 200)
  assert.equal((await make()).status, 201)
  assert.equal((await make()).status, 422)
})

scene(
  'attack 096: a key with every scope makes no key, sees none and signs nobody out',
  async (freddy) => {
    const { make } = await owner(freddy)
    const { key, id } = (await make({ scopes: [...scopes] })).body
    const headers = { 'api-key': key }
    const asks = [
      freddy.ask('POST /v1/api-keys', { headers, body: { name: 'another' } }),
      freddy.ask('GET /v1/api-keys', { headers }),
      freddy.ask(`GET /v1/api-keys/${id}`, { headers }),
      freddy.ask(`DELETE /v1/api-keys/${id}`, { headers }),
      freddy.ask('POST /v1/auth/logout', { headers, body: {} }),
      freddy.ask('GET /v1/auth/validate', { headers }),
    ]
    for (const { status } of await Promise.all(asks)) assert.equal(status, 403)
  },
)

scene('attack 056: the name of a key is plain and carries no link', async (freddy) => {
  const { make } = await owner(freddy)
  for (const name of ['https://evil.example', 'a\nb', 'a\u202eb', '\u200b']) {
    assert.equal((await make({ name })).status, 422, JSON.stringify(name))
  }
})
