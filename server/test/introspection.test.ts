import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApiKey } from '../src/auth/api-key.ts'
import { parseForm } from '../src/wire/form.ts'
import { type Answer, DAY, type Freddy, MINUTE, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const inactive = { active: false }
const form = 'application/x-www-form-urlencoded'

/** A key as `keys create --scopes tokens:introspect` makes it. */
async function introspector(freddy: Freddy): Promise<string> {
  const { id } = await freddy.person('resource')
  const { app } = freddy.running
  const wish = { userId: id, name: 'k', scopes: ['tokens:introspect'], expiresAt: null }
  const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
  return made?.key ?? assert.fail()
}

function asking(freddy: Freddy, key: string) {
  return (token: unknown): Promise<Answer> =>
    freddy.ask('POST /v1/auth/introspect', { headers: { 'api-key': key }, body: { token } })
}

async function asForm(freddy: Freddy, key: string, payload: string | Buffer, type = form) {
  const answer = await freddy.running.http.inject({
    method: 'POST',
    url: '/v1/auth/introspect',
    headers: { host: 'localhost', 'api-key': key, 'content-type': type },
    payload,
  })
  return { status: answer.statusCode, body: answer.json() }
}

scene('a server that was shown a token or a key is told what it is worth', async (freddy) => {
  const ask = asking(freddy, await introspector(freddy))
  const ada = await freddy.person('ada')
  const { token, device_id } = await freddy.signIn(ada)
  const { body: made } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })

  const told = await ask(token)
  const { iat, jti, ...rest } = told.body
  assert.equal(iat, Math.floor(freddy.now() / 1000))
  assert.match(jti, /^[\w-]{22}$/)
  assert.deepEqual(rest, {
    active: true,
    token_type: 'bearer',
    sub: ada.id,
    scope: 'responses models usage:read account:read keys:derive',
    sid: device_id,
    amr: ['pwd', 'email'],
    exp: iat + 86_400,
    iss: 'https://auth.example.com',
    aud: 'freddy-api',
  })
  assert.equal(told.headers['cache-control'], 'no-store')
  assert.deepEqual((await ask(made.key)).body, {
    active: true,
    token_type: 'bearer',
    sub: ada.id,
    scope: 'responses models',
    key_id: made.id,
    iat,
    exp: iat + (90 * DAY) / 1000,
  })
})

scene('to ask about an old secret is to use it, and tells when it ends', async (freddy) => {
  const key = await introspector(freddy)
  const ada = await keyOwner(freddy)
  const made = (await ada.make()).body
  await ada.act(made.id, 'rotate', { overlap_days: 30, end_when_silent: 3600 })
  const ask = (token: string) => {
    const headers = { 'api-key': key, 'user-agent': 'resource/1' }
    return freddy.ask('POST /v1/auth/introspect', { headers, from: '203.0.113.7', body: { token } })
  }
  const ends = async () => (await ask(made.key)).body.exp - Math.floor(freddy.now() / 1000)
  for (let count = 0; count < 3; count++) {
    assert.equal(await ends(), 3600)
    await freddy.running.app.keyUses.flush()
    freddy.pass(45 * MINUTE)
  }
  const shown = await ada.show(made.id)
  assert.deepEqual([shown.last_used_network, shown.last_used_client], ['203.0.113.7', 'resource/1'])
  const [caller] = shown.old_secret.callers
  assert.deepEqual([caller.network, caller.client, caller.calls], ['203.0.113.7', 'resource/1', 3])
  freddy.pass(15 * MINUTE)
  assert.deepEqual((await ask(made.key)).body, inactive)

  const other = (await ada.make({ expires_at: null })).body
  assert.equal((await ask(other.key)).body.exp, undefined)
  await ada.act(other.id, 'rotate', { overlap_days: 2 })
  assert.equal((await ask(other.key)).body.exp, Math.floor(freddy.now() / 1000) + (2 * DAY) / 1000)
})

scene('introspection takes a form as RFC 7662 says, and JSON', async (freddy) => {
  const key = await introspector(freddy)
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const fields = new URLSearchParams({ token, token_type_hint: 'access_token' })
  assert.equal((await asForm(freddy, key, String(fields))).body.active, true)
  const named = await asForm(freddy, key, String(fields), `${form}; charset=UTF-8`)
  assert.equal(named.body.active, true)
  assert.deepEqual((await asForm(freddy, key, 'token=%C3%A4+b')).body, inactive)

  const odd: readonly (readonly [number, string | Buffer, string?])[] = [
    [400, `token=${token}&token=${token}`],
    [400, `token=${token}&%74oken=x`],
    [400, 'token=%'],
    [400, 'token=%ff'],
    [400, Buffer.from([0x74, 0x6f, 0x6b, 0x65, 0x6e, 0x3d, 0xff])],
    [400, `token=${token}&__proto__=x`],
    [400, 'token'],
    [400, `token=${token}&`],
    [422, ''],
    [422, 'token='],
    [422, `token=${token}&client_id=x`],
    [413, `token=${'x'.repeat(17_000)}`],
    [415, `token=${token}`, 'text/plain'],
    [415, `token=${token}`, `${form}, application/json`],
  ]
  for (const [status, payload, type] of odd) {
    const answer = await asForm(freddy, key, payload, type)
    assert.equal(answer.status, status, String(payload).slice(0, 40))
  }
  const login = await freddy.running.http.inject({
    method: 'POST',
    url: '/v1/auth/login',
    headers: { host: 'localhost', 'content-type': form },
    payload: 'email_or_username=ada&password=x',
  })
  assert.equal(login.statusCode, 415, 'a form opens no other door')
})

scene(
  'attack 077: what is not alive, or not an access token, is inactive and no more',
  async (freddy) => {
    const ask = asking(freddy, await introspector(freddy))
    const ada = await freddy.person('ada')
    const first = await freddy.signIn(ada)
    const second = await freddy.signIn(ada)
    const make = async () => {
      const { body } = await freddy.ask('POST /v1/api-keys', {
        token: second.token,
        body: { name: 'k' },
      })
      return { key: String(body.key), id: String(body.id) }
    }
    const kept = await make()
    const revoked = await make()
    const is = async (text: string, alive: boolean) => {
      const { status, body } = await ask(text)
      assert.equal(status, 200)
      assert.equal(body.active, alive, text.slice(0, 20))
      if (!alive) assert.deepEqual(body, inactive)
    }
    await is(first.token, true)
    await is(first.refreshToken, false)
    await is(`${first.token.slice(0, -4)}AAAA`, false)
    await is(`${kept.key.slice(0, -1)}-`, false)
    await is('nothing of ours', false)

    await freddy.ask('POST /v1/auth/logout', { token: first.token })
    await is(first.token, false)
    await freddy.ask(`DELETE /v1/api-keys/${revoked.id}`, { token: second.token })
    await is(revoked.key, false)
    await is(kept.key, true)

    freddy.pass(DAY + 31_000)
    await is(second.token, false)
    await is(kept.key, true)
    await freddy.database.write('UPDATE users SET disabled_at = 1 WHERE id = :id', { id: ada.id })
    freddy.pass(1000)
    await is(kept.key, false)
    freddy.pass(90 * DAY)
    await is(kept.key, false)
  },
)

scene('attack 096: only an admin and a key of the operator introspect', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body: made } = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'k', scopes: ['responses', 'models', 'usage:read', 'account:read'] },
  })
  const ask = (more: object) => freddy.ask('POST /v1/auth/introspect', { ...more, body: { token } })
  assert.equal((await ask({})).status, 401)
  assert.equal((await ask({ token })).status, 403)
  assert.equal((await ask({ headers: { 'api-key': made.key } })).status, 403)
  const wished = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'k', scopes: ['tokens:introspect'] },
  })
  assert.equal(wished.status, 422)
  await freddy.database.write(`UPDATE users SET role = 'admin' WHERE id = :id`, { id: ada.id })
  assert.equal((await ask({ token })).body.active, true)

  const key = await introspector(freddy)
  assert.equal((await ask({ headers: { 'api-key': key } })).body.active, true)
  for (const line of ['GET /v1/models', 'GET /v1/user/me', 'GET /v1/admin/users']) {
    assert.equal((await freddy.ask(line, { headers: { 'api-key': key } })).status, 403, line)
  }
})

test('attack 101: a form is read as strictly as JSON', () => {
  assert.deepEqual(parseForm(Buffer.from('a=1&b=x%20y+z&c=')), { a: '1', b: 'x y z', c: '' })
  assert.deepEqual(parseForm(Buffer.from('')), {})
  const wrong = ['a', 'a=1&a=2', '=1', '&', 'a=1&&b=2', 'a=%zz', 'constructor=1', 'prototype=x']
  for (const text of [...wrong, Array.from({ length: 101 }, (_, n) => `f${n}=`).join('&')]) {
    assert.throws(() => parseForm(Buffer.from(text)), { code: 'MALFORMED_REQUEST' }, text)
  }
})
