import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ProxyName, startProxy } from '../../scripts/testing/proxies.ts'
import { type Freddy, scene } from './freddy.ts'

/** What the application behind the proxy was sent. */
interface Arrived {
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

interface Application {
  readonly place: string
  readonly arrived: Arrived[]
}

const proxies: readonly ProxyName[] = ['nginx', 'caddy']
const behindProxy = { env: { TRUSTED_PROXIES: '127.0.0.1' } }

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : []))
}

async function startApplication(context: TestContext): Promise<Application> {
  const arrived: Arrived[] = []
  const server = createServer((asked, answer) => {
    const parts: Buffer[] = []
    asked.on('data', (part: Buffer) => parts.push(part))
    asked.on('end', () => {
      const body = Buffer.concat(parts).toString()
      arrived.push({ method: asked.method ?? '', headers: pairsOf(asked.rawHeaders), body })
      answer.end('the application')
    })
  }).listen(0, '127.0.0.1')
  context.after(() => close(server))
  await once(server, 'listening')
  return { place: placeOf(server), arrived }
}

function close(server: Server): void {
  server.close()
  server.closeAllConnections()
}

function placeOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function freddyAt(freddy: Freddy): Promise<string> {
  const { http } = freddy.running
  if (!http.server.listening) await http.listen({ port: 0, host: '127.0.0.1' })
  return placeOf(http.server)
}

/** Headers as they are spelt, and as often as they are sent. */
function ask(
  base: string,
  headers: readonly (readonly [string, string])[],
  body?: string,
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${base}/somewhere?a=b`,
      { method: body === undefined ? 'GET' : 'POST', headers: headers.flat() as never },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part) => (text += part))
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Everything the application was told about who calls, under whatever spelling. */
function toldOf(arrived: Arrived | undefined): Record<string, string> {
  const told = (arrived?.headers ?? []).filter(([name]) => /freddy/i.test(name))
  return Object.fromEntries(
    told.filter(([, value]) => value).map(([name, value]) => [name.toLowerCase(), value]),
  )
}

async function credentials(freddy: Freddy) {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  return { ada, token: String(token), key: String(body.key), keyId: String(body.id) }
}

for (const name of proxies) {
  scene(
    `behind ${name} an application hears who calls, and only from us`,
    async (freddy, context) => {
      const { ada, token, key, keyId } = await credentials(freddy)
      const app = await startApplication(context)
      const proxy = await startProxy(name, { freddy: await freddyAt(freddy), app: app.place })
      context.after(() => proxy.stop())
      const host = ['Host', new URL(proxy.base).host] as const
      const bearer = ['Authorization', `Bearer ${token}`] as const
      const everything = 'responses models usage:read account:read keys:derive'

      assert.equal((await ask(proxy.base, [host, bearer])).text, 'the application')
      assert.deepEqual(toldOf(app.arrived.pop()), {
        'x-freddy-user': ada.id,
        'x-freddy-scopes': everything,
      })
      assert.equal((await ask(proxy.base, [host, ['api-key', key]])).status, 200)
      const byKey = app.arrived.pop()
      assert.deepEqual(toldOf(byKey), {
        'x-freddy-user': ada.id,
        'x-freddy-scopes': 'responses models',
        'x-freddy-key': keyId,
      })
      assert.equal(JSON.stringify(byKey).includes(key), false, 'the credential stays here')

      const claims = ['X-Freddy-User', 'x-freddy-key', 'X_FREDDY_USER', 'x_freddy_scopes'] as const
      const forged = claims.map((claim) => [claim, 'usr_evil'] as const)
      const answer = await ask(proxy.base, [host, bearer, ...forged])
      assert.equal(answer.status, 200)
      const arrived = app.arrived.pop()
      assert.equal(JSON.stringify(arrived).includes('usr_evil'), false, JSON.stringify(arrived))
      assert.equal(toldOf(arrived)['x-freddy-user'], ada.id)

      const large = 'x'.repeat(60_000)
      for (const how of [
        ['Content-Length', String(large.length)],
        ['Transfer-Encoding', 'chunked'],
      ] as const) {
        assert.equal((await ask(proxy.base, [host, bearer, how], large)).status, 200, how[0])
        assert.equal(app.arrived.pop()?.body, large)
      }
    },
    behindProxy,
  )

  scene(
    `attack 098: behind ${name} whoever is refused is told so, and never reaches the application`,
    async (freddy, context) => {
      const { token, key } = await credentials(freddy)
      const app = await startApplication(context)
      const place = await freddyAt(freddy)
      const proxy = await startProxy(name, { freddy: place, app: app.place })
      context.after(() => proxy.stop())
      const host = ['Host', new URL(proxy.base).host] as const
      const bearer = ['Authorization', `Bearer ${token}`] as const
      const refused: readonly (readonly [number, readonly (readonly [string, string])[]])[] = [
        [401, []],
        [401, [['X-Freddy-User', 'usr_evil']]],
        [401, [['Authorization', `Bearer ${token.slice(0, -4)}AAAA`]]],
        [401, [['api-key', `${key}x`]]],
        [400, [bearer, ['api-key', key]]],
        [400, [['X-API-Key', key], bearer]],
        [400, [bearer, ['authorization', 'Bearer x']]],
      ]
      for (const [status, headers] of refused) {
        const answer = await ask(proxy.base, [host, ...headers])
        assert.equal(answer.status, status, JSON.stringify(headers.map(([each]) => each)))
        if (status === 401) assert.match(String(answer.headers['www-authenticate']), /^Bearer/)
      }

      const strict = await startProxy(name, {
        freddy: place,
        app: app.place,
        scope: 'account:read',
      })
      context.after(() => strict.stop())
      assert.equal((await ask(strict.base, [host, ['api-key', key]])).status, 403)
      assert.deepEqual(app.arrived, [])
      assert.equal((await ask(strict.base, [host, bearer])).status, 200)
      assert.equal(app.arrived.length, 1)

      await freddy.running.http.close()
      assert.ok((await ask(proxy.base, [host, bearer])).status >= 500)
      assert.equal(app.arrived.length, 1)
    },
    behindProxy,
  )
}

scene('a check names who calls, demands a scope, and writes nothing', async (freddy) => {
  const { ada, token, key, keyId } = await credentials(freddy)
  const byKey = { headers: { 'api-key': key } }
  const first = await freddy.ask('GET /v1/auth/check', byKey)
  assert.deepEqual(first.body, {
    user_id: ada.id,
    scopes: ['responses', 'models'],
    key_id: keyId,
  })
  assert.equal(first.headers['x-freddy-key'], keyId)
  const person = await freddy.ask('GET /v1/auth/check', { token })
  assert.equal(person.headers['x-freddy-user'], ada.id)
  assert.equal(person.headers['x-freddy-key'], '')

  const demand = (scope: string, more: object = byKey) =>
    freddy.ask(`GET /v1/auth/check?scope=${scope}`, more)
  assert.equal((await demand('models')).status, 200)
  assert.equal((await demand('account:read')).status, 403)
  assert.equal((await demand('account:read')).headers['x-freddy-user'], undefined)
  assert.equal((await demand('account:read', { token })).status, 200)
  assert.equal((await demand('everything')).status, 422)

  const trace = async () => [
    await freddy.database.read('SELECT count(*) AS count FROM audit_events'),
    freddy.engine === 'SQLite' && (await freddy.database.read('PRAGMA data_version')),
  ]
  // Writes keep their order: behind this one, the moment of the first use has been noted.
  await freddy.running.app.store.settings.put('test', 'a write of its own')
  const before = await trace()
  for (let count = 0; count < 20; count++) {
    assert.equal((await freddy.ask('GET /v1/auth/check', byKey)).status, 200)
    assert.equal((await freddy.ask('GET /v1/auth/check', { token })).status, 200)
  }
  assert.deepEqual(await trace(), before)
})

scene('what a check says ends with the session and the key', async (freddy) => {
  const { token, key, keyId } = await credentials(freddy)
  await freddy.ask(`DELETE /v1/api-keys/${keyId}`, { token })
  const gone = await freddy.ask('GET /v1/auth/check', { headers: { 'api-key': key } })
  assert.equal(gone.body.error.code, 'INVALID_API_KEY')
  await freddy.ask('POST /v1/auth/logout', { token })
  assert.equal((await freddy.ask('GET /v1/auth/check', { token })).status, 401)
})

test('the file for Traefik takes and sets the same headers as the others', () => {
  const file = readFileSync(new URL('../../deploy/traefik.yaml', import.meta.url), 'utf8')
  const [, list = ''] = /authResponseHeaders:\n((?: +- .+\n)+)/.exec(file) ?? []
  const names = list.split('\n').flatMap((line) => /- (.+)$/.exec(line)?.[1] ?? [])
  assert.deepEqual(names, ['X-Freddy-User', 'X-Freddy-Scopes', 'X-Freddy-Key'])
  const [, taken = ''] = /freddy-strip:\n.+\n.+\n((?: +.+: ""\n)+)/.exec(file) ?? []
  const spellings = names.flatMap((name) => {
    const [x, freddy, what] = name.split('-')
    const marks = ['--', '-_', '_-', '__']
    return marks.map(([first, second]) => `${x}${first}${freddy}${second}${what}`)
  })
  assert.equal(spellings.length, 12)
  for (const name of spellings) assert.ok(taken.includes(` ${name}: ""\n`), name)
  assert.match(file, /middlewares: \[freddy-strip, freddy, freddy-done\]/)
  assert.match(file, /trustForwardHeader: false/)
})
