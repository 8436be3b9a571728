import assert from 'node:assert/strict'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { type Freddy, MINUTE, scene } from '../../../server/test/freddy.ts'
import { keyOwner } from '../../../server/test/key-owner.ts'
import {
  forExpress,
  forFastify,
  forHono,
  guard,
  principalOf,
  type Verifier,
} from '../src/verify/index.ts'
import { resourceOf } from './resource.ts'

type Headers = readonly (readonly [string, string])[]
interface Said {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: {
    readonly userId?: string
    readonly code?: string
    readonly error?: Readonly<Record<string, unknown>>
  }
}
type Door = (path: '/hello' | '/ask', headers: Headers) => Promise<Said>

const NEEDS = { scopes: ['responses'] }

async function fastifyDoor(verifier: Verifier, context: TestContext): Promise<Door> {
  const app = fastify()
  app.get('/hello', { onRequest: forFastify(verifier) }, (request) => principalOf(request))
  app.get('/ask', { onRequest: forFastify(verifier, NEEDS) }, (request) => principalOf(request))
  await app.listen({ port: 0, host: '127.0.0.1' })
  context.after(() => app.close())
  return overSockets(app.server)
}

async function expressDoor(verifier: Verifier, context: TestContext): Promise<Door> {
  const app = express()
  app.get('/hello', forExpress(verifier), (request, response) => {
    response.json(principalOf(request))
  })
  app.get('/ask', forExpress(verifier, NEEDS), (request, response) => {
    response.json(principalOf(request))
  })
  return listening(createServer(app), context)
}

/** Node's own server needs no framework. */
async function nodeDoor(verifier: Verifier, context: TestContext): Promise<Door> {
  const open = { '/hello': forExpress(verifier), '/ask': forExpress(verifier, NEEDS) }
  const server = createServer((request, response) => {
    const enter = open[request.url === '/ask' ? '/ask' : '/hello']
    enter(request, response, () => response.end(JSON.stringify(principalOf(request))))
  })
  return listening(server, context)
}

async function listening(server: Server, context: TestContext): Promise<Door> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close().closeAllConnections())
  return overSockets(server)
}

function honoDoor(verifier: Verifier): Door {
  const app = new Hono()
  app.get('/hello', forHono(verifier), (context) => context.json(principalOf(context)))
  app.get('/ask', forHono(verifier, NEEDS), (context) => context.json(principalOf(context)))
  return overFetch(async (request) => app.fetch(request))
}

function fetchDoor(verifier: Verifier): Door {
  return overFetch(async (request) => {
    const needs = request.url.endsWith('/ask') ? NEEDS : {}
    const principal = await guard(verifier, request, needs)
    if (principal instanceof Response) return principal
    assert.equal(principalOf(request), principal)
    return Response.json(principal)
  })
}

function overFetch(handle: (request: Request) => Promise<Response>): Door {
  return async (path, headers) => {
    const request = new Request(`https://api.example.com${path}`)
    for (const [name, value] of headers) request.headers.append(name, value)
    const answer = await handle(request)
    const { status } = answer
    return {
      status,
      headers: Object.fromEntries(answer.headers),
      body: (await answer.json()) as Said['body'],
    }
  }
}

/** Headers exactly as they are given, twice the same one too. */
function overSockets(server: Server): Door {
  const { port } = server.address() as AddressInfo
  return (path, headers) =>
    new Promise((resolve, reject) => {
      const flat = [...headers, ['host', 'localhost'], ['connection', 'close']].flat()
      const sent = httpRequest({ port, path, host: '127.0.0.1', headers: flat }, (answer) => {
        let text = ''
        answer.on('data', (chunk) => (text += chunk))
        answer.on('end', () => {
          const { statusCode: status = 0, headers } = answer
          resolve({ status, headers, body: JSON.parse(text) })
        })
      })
      sent.on('error', reject).end()
    })
}

async function doorsOf(verifier: Verifier, context: TestContext) {
  return {
    Fastify: await fastifyDoor(verifier, context),
    Express: await expressDoor(verifier, context),
    'node:http': await nodeDoor(verifier, context),
    Hono: honoDoor(verifier),
    fetch: fetchDoor(verifier),
  }
}

/** Bearers, keys and what else a request may carry, and what becomes of it. */
async function shown(freddy: Freddy) {
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  const { key: narrow } = (await ada.make({ scopes: ['models'] })).body
  const bearer = ['authorization', `Bearer ${ada.token}`] as const
  const cases: readonly (readonly [Headers, number, string?, ('/hello' | '/ask')?])[] = [
    [[bearer], 200],
    [[['Authorization', `bearer ${ada.token}`]], 200, '', '/ask'],
    [[['api-key', key]], 200, '', '/ask'],
    [[['X-API-Key', key]], 200],
    [[['authorization', `Bearer ${key}`]], 200],
    [[['api-key', narrow]], 200],
    [[['api-key', narrow]], 403, 'INSUFFICIENT_PERMISSIONS', '/ask'],
    [[], 401, 'AUTHENTICATION_REQUIRED'],
    [[['authorization', 'Bearer ']], 401, 'AUTHENTICATION_REQUIRED'],
    [[['authorization', 'Basic YTpi']], 401, 'AUTHENTICATION_REQUIRED'],
    [[['freddy-session', 'cookie']], 401, 'AUTHENTICATION_REQUIRED'],
    [[['authorization', 'Bearer x']], 401, 'TOKEN_INVALID'],
    [[['api-key', ada.token]], 401, 'INVALID_API_KEY'],
    [[['api-key', `${key}0`]], 401, 'INVALID_API_KEY'],
    [[bearer, bearer], 400, 'AMBIGUOUS_CREDENTIALS'],
    [[bearer, ['authorization', 'Bearer ']], 400, 'AMBIGUOUS_CREDENTIALS'],
    [[bearer, ['api-key', key]], 400, 'AMBIGUOUS_CREDENTIALS'],
    [[bearer, ['api-key', '']], 400, 'AMBIGUOUS_CREDENTIALS'],
    [
      [
        ['api-key', key],
        ['x-api-key', key],
      ],
      400,
      'AMBIGUOUS_CREDENTIALS',
    ],
    [
      [
        ['api-key', key],
        ['api-key', narrow],
      ],
      400,
      'AMBIGUOUS_CREDENTIALS',
    ],
    [[bearer, ['freddy-session', 'cookie']], 400, 'AMBIGUOUS_CREDENTIALS'],
  ]
  return { ada, key, id, cases }
}

scene(
  'attack 096: every front door lets the same callers in, and refuses the others in the words of Freddy Auth',
  async (freddy, context) => {
    const { verifier } = await resourceOf(freddy)
    const doors = await doorsOf(verifier, context)
    const { ada, cases } = await shown(freddy)
    for (const [name, door] of Object.entries(doors)) {
      for (const [headers, status, code, path = '/hello'] of cases) {
        const said = await door(path, [...headers, ['x-request-id', 'mine-1']])
        const about = `${name}: ${status} ${code}, ${headers.map(([header]) => header)}`
        assert.equal(said.status, status, about)
        if (status === 200) assert.equal(said.body.userId, ada.id, about)
        else assert.equal(said.body.error?.code, code, about)
        if (status === 401) assert.match(String(said.headers['www-authenticate']), /^Bearer realm/)
      }
    }
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

scene(
  'a refusal has the form of the server it speaks for',
  async (freddy, context) => {
    const { verifier } = await resourceOf(freddy)
    const doors = await doorsOf(verifier, context)
    const forms: readonly Headers[] = [
      [['authorization', 'Bearer x']],
      [],
      [
        ['authorization', 'Bearer x'],
        ['accept', 'application/problem+json'],
      ],
    ]
    for (const headers of forms) {
      const sent = [...headers, ['x-request-id', 'mine-1']] as const
      const theirs = await freddy.ask('GET /v1/user/me', { headers: Object.fromEntries(sent) })
      for (const [name, door] of Object.entries(doors)) {
        const said = await door('/hello', [...sent])
        for (const header of [
          'content-type',
          'www-authenticate',
          'x-request-id',
          'cache-control',
        ]) {
          assert.equal(said.headers[header], theirs.headers[header], `${name}: ${header}`)
        }
        const [ours, expected] = [said.body, theirs.body]
        for (const { error } of [ours, expected]) if (error) delete error.timestamp
        // A page of that server, which this one does not have.
        if (expected.error) delete expected.error.doc_url
        assert.deepEqual(ours, expected, name)
      }
    }
    const odd = await doors.fetch('/hello', [['x-request-id', 'a b']])
    assert.match(String(odd.headers['x-request-id']), /^req_[0-9a-f]{32}$/)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

scene(
  'who signs out or loses a key is refused at every front door, and all are when nobody tells',
  async (freddy, context) => {
    let isAway = false
    const { verifier } = await resourceOf(freddy, {
      fetch: (input, init) =>
        isAway ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init),
    })
    const doors = Object.entries(await doorsOf(verifier, context))
    const { ada, key, id } = await shown(freddy)
    const other = await freddy.signIn(ada.person)
    const all = async (headers: Headers, status: number) => {
      for (const [name, door] of doors) {
        assert.equal((await door('/ask', headers)).status, status, name)
      }
    }
    const bearer = (token: string): Headers => [['authorization', `Bearer ${token}`]]
    const withKey: Headers = [['api-key', key]]
    for (const headers of [bearer(ada.token), bearer(other.token), withKey]) await all(headers, 200)
    await ada.revoke(id)
    await freddy.ask('POST /v1/auth/logout', { token: ada.token })
    freddy.pass(5000)
    await all(bearer(ada.token), 401)
    await all(withKey, 401)
    await all(bearer(other.token), 200)
    isAway = true
    freddy.pass(MINUTE + 1000)
    await all(bearer(other.token), 503)
    for (const [name, door] of doors) {
      const { headers, body } = await door('/hello', withKey)
      const told = [headers['retry-after'], body.error?.code, body.error?.details]
      assert.deepEqual(told, ['5', 'SERVICE_UNAVAILABLE', { retry_after: 5 }], name)
    }
    isAway = false
    freddy.pass(5000)
    await all(bearer(other.token), 200)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)
