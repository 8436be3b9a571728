import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { routes } from '../src/routes.ts'
import { Authenticator } from './authenticator.ts'
import { type Freddy, scene } from './freddy.ts'

/** What a raw socket gets back for these bytes: everything until the server closes it, or has nothing more to say. */
async function raw(freddy: Freddy, bytes: string | Buffer, quietMs = 400): Promise<string> {
  const { server } = freddy.running.http
  if (!server.listening) await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const socket: Socket = connect({ port, host: '127.0.0.1' })
  let heard = ''
  // A busy machine may take its time to begin; who has begun goes on.
  socket.setTimeout(10 * quietMs, () => socket.destroy())
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    socket.setTimeout(quietMs)
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  return heard
}

const head = (...lines: string[]) => [...lines, '', ''].join('\r\n')
const login = JSON.stringify({ email_or_username: 'ada', password: 'x' })
const post = (...lines: string[]) => `${head('POST /v1/auth/login HTTP/1.1', ...lines)}${login}`
const json = 'Content-Type: application/json'
const length = `Content-Length: ${login.length}`
const statusOf = (heard: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0)
const answersIn = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)

/** Bodies of the right shape, where a row wants more than a name or a question. */
const fitting: Readonly<Record<string, object>> = {
  'PUT /v1/auth/password/update': {
    current_password: 'x',
    new_password: 'x',
    confirm_password: 'x',
  },
  'POST /v1/auth/introspect': { token: 'x' },
  'POST /v1/auth/device': { client_id: 'x' },
  'POST /v1/auth/device/token': {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: 'x',
  },
  'POST /v1/usage/raise': { key: `key_${'0'.repeat(32)}`, limit: 'tokens_per_day' },
  'POST /v1/usage/raise/verify': {
    email_key: 'uuid-12345678-1234-1234-1234-123456789abc',
    verification_code: 123456,
  },
  'POST /v1/admin/panic': { user: 'x' },
  'POST /v1/admin/invitations': { email: 'x' },
  'POST /v1/admin/webhooks': { url: 'https://hooks.example.com' },
  'PATCH /v1/admin/webhooks/:id': { paused: true },
  'POST /v1/admin/webhooks/:id/rotate': { overlap_hours: 1 },
  'POST /v1/admin/webhooks/:id/replay': { since: '2026-11-23T12:00:00Z' },
  'PUT /v1/admin/users/:id/budget': { budget: null },
  'PATCH /v1/user/me': { full_name: 'x' },
  'PATCH /v1/user/profile': { full_name: 'x' },
  'PATCH /v1/user/current': { full_name: 'x' },
  'DELETE /v1/user/me': { current_password: 'x' },
  'POST /v1/user/email': { new_email: 'x', current_password: 'x' },
  'POST /v1/user/email/verify': {
    email_key: 'uuid-00000000-0000-0000-0000-000000000000',
    verification_code: 12_345_678,
  },
  'POST /v1/user/factors/totp/confirm': { verification_code: '123456' },
  'POST /v1/api-keys/:id/rotate': { overlap_days: 1 },
  'POST /v1/user/factors/passkeys': {
    name: 'x',
    passkey: new Authenticator().create({ challenge: 'x' }),
  },
}

const bodyOf = (line: string) =>
  line.includes('api-keys')
    ? { name: 'x' }
    : { model: 'echo-1', input: 'x', messages: [{ role: 'user', content: 'x' }] }

function idOf(path: string): string {
  if (path.includes('/users/')) return 'usr'
  if (path.includes('/panic/')) return 'pan'
  if (path.includes('/webhooks/')) return 'whk'
  if (path.includes('/sessions/')) return 'ses'
  return path.includes('/passkeys/') ? 'pkey' : 'key'
}

scene(
  'every guarded route refuses who brings no credential, and a key that is not for it',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const keyFor = async (scope: string) => {
      const body = { name: 'k', scopes: [scope] }
      const made = await freddy.ask('POST /v1/api-keys', { token, body })
      return { 'api-key': made.body.key }
    }
    const [usage, account] = [await keyFor('usage:read'), await keyFor('account:read')]
    for (const { method, path, who, body } of routes) {
      const id = `${idOf(path)}_${'0'.repeat(32)}`
      const line = `${method} ${path
        .replace(':id', id)
        .replace(':event', `evt_${'0'.repeat(32)}`)
        .replace(':email_key', 'x')}`
      const payload = body ? { body: fitting[`${method} ${path}`] ?? bodyOf(line) } : {}
      const bare = await freddy.ask(line, payload)
      const key = who === 'usage:read' ? account : usage
      if (who === 'open') assert.notEqual(bare.body?.error?.code, 'AUTHENTICATION_REQUIRED', line)
      else {
        assert.equal(bare.status, 401, line)
        assert.match(String(bare.headers['www-authenticate']), /^Bearer/)
        const fits = line.includes('logout') ? {} : payload
        const wrong = who === 'anyKey' ? { token } : { headers: key }
        const allowed = who === 'authenticated' ? 200 : 403
        assert.equal((await freddy.ask(line, { ...fits, ...wrong })).status, allowed, line)
      }
      if (path.startsWith('/v1/')) assert.equal(bare.headers['cache-control'], 'no-store', line)
      assert.ok(bare.headers['x-request-id'], line)
      assert.equal(bare.headers['x-content-type-options'], 'nosniff', line)
    }
  },
)

scene('attack 080: a bearer is one word behind one space', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const ask = (authorization: string) =>
    freddy.ask('GET /v1/user/me', { headers: { authorization } })
  for (const scheme of ['Bearer', 'bearer', 'BEARER'])
    assert.equal((await ask(`${scheme} ${token}`)).status, 200)
  const odd = [
    `Bearer  ${token}`,
    `Bearer\t${token}`,
    'Bearer',
    'Bearer ',
    'Bearer ,',
    `Bearer ${token} b`,
    `Bearer ${token}, Bearer ${token}`,
    `Basic ${token}`,
    `Bearer "${token}"`,
    token,
    `Token ${token}`,
    'Bearer \u00a0x',
    '',
  ]
  for (const value of odd)
    assert.equal((await ask(value)).status, 401, JSON.stringify(value.slice(0, 12)))
})

scene('attack 080: old clients send an empty bearer to open doors', async (freddy) => {
  const ada = await freddy.person('ada')
  for (const authorization of ['Bearer ', 'Bearer', 'nonsense, really', '']) {
    assert.equal((await freddy.login(ada, { headers: { authorization } })).status, 200)
  }
})

scene('attack 098: two credentials are refused, whatever either is worth', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const { body } = await freddy.ask('POST /v1/api-keys', {
    token,
    body: { name: 'k', scopes: ['account:read'] },
  })
  const bearer = `Authorization: Bearer ${token}`
  const key = `api-key: ${body.key}`
  const other = `X-API-Key: ${body.key}`
  const mixes = [
    [bearer, key],
    [key, bearer],
    [bearer, other],
    [key, other],
    [bearer, bearer],
    [key, key],
    [bearer, 'api-key: nothing'],
    ['Authorization: Bearer x', key],
    [bearer, 'api-key:'],
    [other, 'x-api-key: y'],
    [bearer, 'authorization: Basic x'],
  ]
  for (const mix of mixes) {
    const heard = await raw(
      freddy,
      head('GET /v1/user/me HTTP/1.1', 'Host: localhost', ...mix, 'Connection: close'),
    )
    assert.equal(statusOf(heard), 400, mix.map((line) => line.slice(0, 24)).join(' + '))
    assert.match(heard, /AMBIGUOUS_CREDENTIALS/)
  }
  for (const one of [bearer, key, other]) {
    const heard = await raw(
      freddy,
      head('GET /v1/user/me HTTP/1.1', 'Host: localhost', one, 'Connection: close'),
    )
    assert.equal(statusOf(heard), 200)
  }
})

scene(
  'attack 095: a mistyped key costs no look-up, and all dead keys are one answer',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
    const key = String(body.key)
    const last = key.at(-1) === 'A' ? 'B' : 'A'
    for (const odd of [
      key.slice(0, -1) + last,
      key.slice(0, -1),
      `${key}A`,
      key.toUpperCase(),
      'ak_',
      `ak-${key.slice(3)}`,
    ]) {
      const answer = await freddy.ask('GET /v1/models', { headers: { 'api-key': odd } })
      assert.equal(answer.status, 401)
      assert.equal(answer.body.error.code, 'INVALID_API_KEY')
    }
    const rows = await freddy.database.read('SELECT * FROM api_keys')
    assert.equal(JSON.stringify(rows).includes(key.slice(8, -4)), false)
    assert.equal((await freddy.ask('GET /v1/models?api_key=x', { headers: {} })).status, 401)
  },
)

scene('attack 023: what belongs to another is like what never was', async (freddy) => {
  const ada = await freddy.signIn(await freddy.person('ada'))
  const eve = await freddy.signIn(await freddy.person('eve'))
  const { body } = await freddy.ask('POST /v1/api-keys', { token: ada.token, body: { name: 'k' } })
  const bare = (answer: { status: number; body: { error: object } }) => ({
    status: answer.status,
    error: { ...answer.body.error, trace_id: '', timestamp: '' },
  })
  const asks = ['GET %', 'DELETE %', 'POST %/rotate', 'POST %/resume', 'POST %/pause']
  for (const line of asks) {
    const at = (id: string) => line.replace('%', `/v1/api-keys/${id}`)
    const theirs = await freddy.ask(at(body.id), { token: eve.token })
    const nobodys = await freddy.ask(at(`key_${'0'.repeat(32)}`), { token: eve.token })
    assert.equal(theirs.status, 404)
    assert.deepEqual(bare(theirs), bare(nobodys))
  }
  assert.deepEqual((await freddy.ask('GET /v1/api-keys', { token: eve.token })).body.data, [])
  assert.equal(
    (await freddy.ask('GET /v1/models', { headers: { 'api-key': body.key } })).status,
    200,
  )
})

scene('attack 099: nobody makes a key for somebody else', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(await freddy.person('eve'))
  const body = { name: 'k', user_id: ada.id, scopes: ['admin'], expires_at: null, rate: 1e9 }
  assert.equal((await freddy.ask('POST /v1/api-keys', { body })).status, 401)
  const answer = await freddy.ask('POST /v1/api-keys', { token, body })
  assert.equal(answer.status, 422)
  const named = answer.body.error.details.fields.map(({ field }: { field: string }) => field)
  for (const field of ['user_id', 'rate']) assert.ok(named.includes(field), field)
  assert.deepEqual(await freddy.database.read('SELECT id FROM api_keys'), [])
})

scene('attack 104: a body is application/json, however it is spelt', async (freddy) => {
  const types = [
    [],
    ['Content-Type: text/plain'],
    ['Content-Type: application/x-www-form-urlencoded'],
    ['Content-Type: multipart/form-data; boundary=x'],
    ['Content-Type: application/json garbage'],
    ['Content-Type: application/json\t;charset=utf-8'],
    ['Content-Type: application/json;charset=latin1'],
    ['Content-Type: application/jsonx'],
    ['Content-Type: application/json, text/plain'],
    [json, 'Content-Type: text/plain'],
    [json, json],
    ['Content-Type: application/json;a=b'],
    [json, 'Content-Encoding: gzip'],
  ]
  for (const type of types) {
    const heard = await raw(freddy, post('Host: localhost', ...type, length, 'Connection: close'))
    assert.equal(statusOf(heard), 415, type.join(' + '))
    assert.match(heard, /UNSUPPORTED_MEDIA_TYPE/)
  }
  for (const type of [
    json,
    'Content-Type: APPLICATION/JSON',
    'Content-Type: application/json;charset=utf-8',
    'Content-Type: application/json; charset=UTF-8',
  ]) {
    assert.equal(
      statusOf(await raw(freddy, post('Host: localhost', type, length, 'Connection: close'))),
      401,
      type,
    )
  }
})

scene('attack 105: a large body is refused before it is read', async (freddy) => {
  const declared = await raw(
    freddy,
    head('POST /v1/auth/login HTTP/1.1', 'Host: localhost', json, 'Content-Length: 10000000'),
  )
  assert.equal(statusOf(declared), 413)
  assert.match(declared.toLowerCase(), /connection: close/)
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  const chunked = await raw(
    freddy,
    `${head('POST /v1/auth/login HTTP/1.1', 'Host: localhost', json, 'Transfer-Encoding: chunked')}${chunk}${chunk}0\r\n\r\n`,
  )
  assert.equal(statusOf(chunked), 413)
})

scene(
  'attack 107: a request that two readers could read differently is refused and its socket closed',
  async (freddy) => {
    const host = 'Host: localhost'
    const next = head('GET /livez HTTP/1.1', host)
    const shapes: readonly string[] = [
      post(host, json, length, 'Transfer-Encoding: chunked'),
      post(host, json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', length),
      post(host, json, 'Transfer-Encoding: xchunked'),
      post(host, json, length, `Content-Length: ${login.length + 1}`),
      post(host, json, `Content-Length : ${login.length}`),
      post(host, json, ` Content-Length: ${login.length}`),
      post(host, json, `Content-Length: +${login.length}`),
      post(host, json, 'Content-Length: 0x25'),
      post(host, json, 'Content-Length: -1'),
      post(host, json, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
      `POST /v1/auth/login HTTP/1.1\n${host}\n${json}\n${length}\n\n${login}`,
      `${head('POST /v1/auth/login HTTP/1.1', host, json, 'Transfer-Encoding: chunked')}5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
      `${head('POST /v1/auth/login HTTP/1.1', host, json, 'Transfer-Encoding: chunked')}+5\r\nhello\r\n0\r\n\r\n`,
      `${head('POST /v1/auth/login HTTP/1.1', host, json, 'Transfer-Encoding: chunked')}5\nhello\n0\n\n`,
      head('GET /livez HTTP/1.1', host, 'X-Fold: a\r\n b'),
      'GET /livez HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n',
      'GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n',
    ]
    for (const shape of shapes) {
      const heard = await raw(freddy, shape + next)
      const statuses = answersIn(heard)
      assert.ok(
        ['400', '413', '431', '505'].includes(statuses[0] ?? ''),
        `${JSON.stringify(shape.slice(0, 160))} ${heard.slice(0, 60)}`,
      )
      assert.equal(statuses.length, 1, JSON.stringify(shape.slice(0, 160)))
      assert.match(heard, /"success":false/)
    }
  },
)

scene('attack 057: a host that is not ours, none, or two are refused', async (freddy) => {
  const hosts = [
    [],
    ['Host: evil.example'],
    ['Host: localhost', 'Host: localhost'],
    ['Host: localhost', 'Host: evil'],
    ['Host: localhost.evil.example'],
    ['Host: '],
  ]
  for (const lines of hosts) {
    const heard = await raw(freddy, head('GET /v1/models HTTP/1.1', ...lines, 'Connection: close'))
    assert.equal(statusOf(heard), 400, lines.join(' + '))
    assert.match(heard, /MALFORMED_REQUEST/)
  }
  for (const line of [
    'Host: localhost',
    'Host: 127.0.0.1:9',
    'Host: [::1]:80',
    'Host: LOCALHOST',
    'Host: auth.example.com',
  ]) {
    assert.equal(
      statusOf(await raw(freddy, head('GET /v1/models HTTP/1.1', line, 'Connection: close'))),
      401,
      line,
    )
  }
  for (const path of ['/livez', '/readyz']) {
    const heard = await raw(
      freddy,
      head(`GET ${path} HTTP/1.1`, 'Host: 10.0.0.7:8080', 'Connection: close'),
    )
    assert.equal(statusOf(heard), 200, path)
  }
  assert.equal(
    statusOf(
      await raw(freddy, head('GET http://evil.example/v1/models HTTP/1.1', 'Host: localhost')),
    ),
    400,
  )
})

scene('attack 081: headers past 16 kB, or past a hundred, are refused', async (freddy) => {
  const big = await raw(
    freddy,
    head('GET /livez HTTP/1.1', 'Host: localhost', `X-Big: ${'x'.repeat(17_000)}`),
  )
  assert.equal(statusOf(big), 431)
  const many = Array.from({ length: 101 }, (_, count) => `X-${count}: y`)
  assert.equal(
    statusOf(
      await raw(
        freddy,
        head('GET /livez HTTP/1.1', 'Host: localhost', ...many, 'Connection: close'),
      ),
    ),
    431,
  )
})

scene(
  'attack 109: a path that is there says which methods it takes, any other is not there',
  async (freddy) => {
    const wrongMethods = ['GET', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'LOCK']
    for (const method of wrongMethods) {
      const heard = await raw(
        freddy,
        head(`${method} /v1/auth/login HTTP/1.1`, 'Host: localhost', 'Connection: close'),
      )
      assert.equal(statusOf(heard), 405, method)
      assert.match(heard.toLowerCase(), /allow: post, options/, method)
    }
    const connected = await raw(freddy, head('CONNECT /v1/auth/login HTTP/1.1', 'Host: localhost'))
    assert.ok([0, 400, 404, 405].includes(statusOf(connected)))
    const paths = [
      '//v1//auth/login',
      '/v1/auth/%6cogin',
      '/V1/auth/login',
      '/v1/auth/login/',
      '/v1/public/../auth/login',
      '/v1/auth/login;x=1',
      '/v1/auth/login%00',
      '/v1/auth/login%2f',
      '/.env',
      '/.git/config',
      '/v1/auth/dev-login',
      '/v1',
      '/server/src/main.ts',
      '/v1/auth',
    ]
    for (const path of paths) {
      const heard = await raw(
        freddy,
        `${head(`POST ${path} HTTP/1.1`, 'Host: localhost', json, 'Content-Length: 2', 'Connection: close')}{}`,
      )
      assert.equal(statusOf(heard), 404, path)
    }
    const overridden = await freddy.ask('POST /v1/user/me', {
      headers: { 'x-http-method-override': 'GET' },
    })
    assert.equal(overridden.status, 405)
  },
)

scene('attack 113: there is no back door, whatever one asks for', async (freddy) => {
  const ada = await freddy.person('ada')
  const doors = [
    'POST /v1/auth/dev-login',
    'GET /v1/auth/codes',
    'GET /dev/inbox',
    'GET /debug',
    'GET /package.json',
    'GET /data/freddy.db',
  ]
  for (const door of doors)
    assert.equal((await freddy.ask(door, { headers: { 'x-test-mode': '1' } })).status, 404, door)
  const login = await freddy.login(ada, { headers: { 'x-test-code': '1234' } })
  const code = await freddy.codeFor(ada.email)
  for (const magic of [1234, 2290, 9999, 1111]) {
    if (String(magic) !== code) {
      assert.equal((await freddy.verify(login.body.email_key, magic)).status, 401)
    }
  }
})

scene(
  'attack 101: a name that reaches for a prototype is refused, and none is changed',
  async (freddy) => {
    for (const body of [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"a":{"__proto__":1}}',
    ]) {
      const answer = await freddy.running.http.inject({
        method: 'POST',
        url: '/v1/auth/login',
        headers: { host: 'localhost', 'content-type': 'application/json' },
        payload: body,
      })
      assert.equal(answer.statusCode, 400, body)
    }
    assert.equal('polluted' in {}, false)
  },
)

scene('an error comes as RFC 9457 for who asks for it', async (freddy) => {
  const answer = await freddy.ask('GET /v1/user/me', {
    headers: { accept: 'application/problem+json' },
  })
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  assert.equal(answer.body.status, 401)
  assert.equal(answer.body.code, 'AUTHENTICATION_REQUIRED')
})

scene('a request id that is harmless is kept, any other is ours', async (freddy) => {
  const ask = (id: string) => freddy.ask('GET /livez', { headers: { 'x-request-id': id } })
  assert.equal((await ask('trace-1.a_B')).headers['x-request-id'], 'trace-1.a_B')
  for (const odd of ['a b', 'x'.repeat(129), '<script>', '']) {
    assert.match(String((await ask(odd)).headers['x-request-id']), /^req_[0-9a-f]{32}$/)
  }
  const refused = await freddy.ask('GET /v1/user/me', { headers: { 'x-request-id': 'mine' } })
  assert.equal(refused.body.error.trace_id, 'mine')
})

scene('calls are limited by who makes them, and told so', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const other = await freddy.signIn(await freddy.person('bob'))
  const first = await freddy.ask('GET /v1/models', { token })
  assert.equal(first.headers['ratelimit-policy'], '"requests";q=100;w=60')
  assert.equal(first.headers['x-ratelimit-limit'], '100')
  const statuses = [first.status]
  for (let count = 0; count < 125; count++)
    statuses.push((await freddy.ask('GET /v1/models', { token })).status)
  assert.equal(statuses.filter((status) => status === 200).length, 120)
  const over = await freddy.ask('GET /v1/models', { token })
  assert.equal(over.status, 429)
  assert.equal(over.body.error.code, 'TOO_MANY_REQUESTS')
  assert.equal(over.headers['x-ratelimit-remaining'], '0')
  assert.equal((await freddy.ask('GET /v1/models', { token: other.token })).status, 200)
  freddy.pass(over.body.error.details.retry_after * 1000)
  assert.equal((await freddy.ask('GET /v1/models', { token })).status, 200)
})

scene(
  'LIMITS changes a traffic limit and no guess budget',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const statuses = []
    for (let count = 0; count < 4; count++)
      statuses.push((await freddy.ask('GET /v1/models', { token })).status)
    assert.deepEqual(statuses, [200, 200, 429, 429])
    const guesses = []
    for (let count = 0; count < 6; count++)
      guesses.push((await freddy.login({ as: ada.email, password: 'wrong' })).status)
    assert.deepEqual(guesses, [401, 401, 401, 401, 401, 429])
  },
  { env: { LIMITS: 'requests=2/60,refresh=off' } },
)

scene('a source whose credentials are refused again and again is held back', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  for (let count = 0; count < 300; count++) {
    assert.equal(
      (await freddy.ask('GET /v1/models', { token: 'x', from: '192.0.2.1' })).status,
      401,
    )
  }
  assert.equal((await freddy.ask('GET /v1/models', { token: 'x', from: '192.0.2.1' })).status, 429)
  // Whoever tries credentials learns no longer which are good.
  assert.equal((await freddy.ask('GET /v1/models', { token, from: '192.0.2.1' })).status, 429)
  assert.equal((await freddy.ask('GET /v1/models', { token: 'x', from: '192.0.2.2' })).status, 401)
  assert.equal((await freddy.ask('GET /v1/models', { token, from: '192.0.2.2' })).status, 200)
})

test('every row of the table of contents has its own method and path', () => {
  const lines = routes.map(({ method, path }) => `${method} ${path}`)
  assert.equal(new Set(lines).size, lines.length)
})
