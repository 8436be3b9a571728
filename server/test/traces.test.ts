import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { readConfig } from '../src/config.ts'
import { createTracing } from '../src/tracing/tracing.ts'
import { type Answer, type Freddy, PASSWORD, scene } from './freddy.ts'
import { startModelServer } from './model-server.ts'
import { call, startProcess } from './server-process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const PROXY = '10.9.8.7'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const traceparent = `00-${TRACE}-${PARENT}-01`

const without = createTracing(readConfig({}))
const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
)
after(() => {
  trace.disable()
  context.disable()
})

const model = await startModelServer()
after(() => model.close())

/** The spans that ended while this was done. */
async function spansOf<Answer>(work: () => Promise<Answer>): Promise<[Answer, ReadableSpan[]]> {
  exporter.reset()
  const answer = await work()
  // The span of a request ends when its answer has gone.
  await new Promise((resolve) => setImmediate(resolve))
  return [answer, exporter.getFinishedSpans()]
}

const namesOf = (spans: readonly ReadableSpan[]) => spans.map(({ name }) => name)
const env = { UPSTREAM_URL: model.url, UPSTREAM_API_KEY: 'canary-of-upstream-K2v9' }

test('a server whose operator brought no SDK traces nothing at all', () => {
  assert.equal(without, null)
  assert.notEqual(createTracing(readConfig({})), null)
})

scene('a request is one trace: its route, its statements, its hash', async (freddy) => {
  const ada = await freddy.person('ada')
  const [answer, spans] = await spansOf(() => freddy.login(ada))
  assert.equal(answer.status, 200)
  const request = spans.find(({ name }) => name === 'POST /v1/auth/login')
  assert.ok(request, namesOf(spans).join())
  const { traceId, spanId } = request.spanContext()
  assert.equal(request.parentSpanContext, undefined)
  assert.deepEqual(request.attributes, {
    'http.request.method': 'POST',
    'http.route': '/v1/auth/login',
    'freddy.request_id': answer.headers['x-request-id'],
    'http.response.status_code': 200,
  })
  const inside = spans.filter((span) => span.parentSpanContext?.spanId === spanId)
  assert.ok(inside.every((span) => span.spanContext().traceId === traceId))
  const names = namesOf(inside)
  for (const name of ['BATCH budgets', 'verify password']) assert.ok(names.includes(name), name)

  const [, sending] = await spansOf(() => freddy.running.outbox.drain())
  assert.deepEqual(namesOf(sending), ['send mail'])
})

/** How often the database was asked for an answer: each is a trip to PostgreSQL, however many statements go out with it. */
async function tripsOf(ask: () => Promise<Answer>): Promise<[Answer['body'], number]> {
  const [answer, spans] = await spansOf(ask)
  assert.equal(answer.status, 200)
  const request = spans.find(({ attributes }) => attributes['http.route'])?.spanContext()
  const inside = spans.filter(({ parentSpanContext: parent }) => parent?.spanId === request?.spanId)
  return [answer.body, inside.filter(({ attributes }) => attributes['db.system.name']).length]
}

scene('an answer waits for the database as often as it must, and no more often', async (freddy) => {
  const ada = await freddy.person('ada')
  const [{ email_key }, login] = await tripsOf(() => freddy.login(ada))
  const code = Number(await freddy.codeFor(ada.email))
  const [{ refreshToken }, verify] = await tripsOf(() => freddy.verify(email_key, code))
  const refresh = (more: object = {}) =>
    tripsOf(() =>
      freddy.ask('POST /v1/auth/refresh', { body: { refresh_token: refreshToken, ...more } }),
    )
  const [, staying] = await refresh()
  const [, rotating] = await refresh({ rotate: true })
  assert.deepEqual(
    { login, verify, staying, rotating },
    { login: 2, verify: 2, staying: 1, rotating: 1 },
  )
})

scene('looking up a session is told, on the connection in reserve too', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const [answer, spans] = await spansOf(() => freddy.ask('GET /v1/auth/check', { token }))
  assert.equal(answer.status, 200)
  assert.deepEqual(namesOf(spans), ['SELECT sessions', 'GET /v1/auth/check'])
})

scene('what went wrong is told by its code, and what is no route by no name', async (freddy) => {
  const [, spans] = await spansOf(async () => {
    await freddy.login({ email: 'nobody@example.com' })
    await freddy.ask('GET /somebody/secret-path-4711')
  })
  const told = spans.flatMap(({ attributes, name }) =>
    attributes['http.route'] ? [[name, attributes['error.type']]] : [],
  )
  assert.deepEqual(told, [
    ['POST /v1/auth/login', 'INVALID_CREDENTIALS'],
    ['OTHER none', 'RESOURCE_NOT_FOUND'],
  ])
})

/** Everything that an SDK is given of a span. */
const asText = (spans: readonly ReadableSpan[]) =>
  JSON.stringify(
    spans.map(({ name, attributes, events, links, status, resource }) => ({
      ...{ name, attributes, events, links, status, resource: resource.attributes },
    })),
  )

scene(
  'no span holds a secret, an address or a person',
  async (freddy) => {
    const [planted, spans] = await spansOf(() => walk(freddy))
    assert.ok(spans.length > 25, `${spans.length}: ${namesOf(spans).join()}`)
    const text = asText(spans)
    for (const [name, secret] of Object.entries(planted)) {
      assert.ok(secret.length > 3, name)
      for (const form of [secret, encodeURIComponent(secret), secret.slice(0, 12)]) {
        assert.ok(
          !text.includes(form),
          `${name} in ${text.slice(text.indexOf(form) - 200, text.indexOf(form) + 50)}`,
        )
      }
    }
  },
  { env },
)

/** Signs up, signs in, makes a key, asks a model, fails; what must be in no span. */
async function walk(freddy: Freddy): Promise<Record<string, string>> {
  const email = 'zoe.canary@example.com'
  const agent = 'canary-agent-7Qz4/1.0'
  const from = '203.0.113.77'
  const headers = {
    'user-agent': agent,
    'x-canary': 'canary-header-9Lm2',
    cookie: 'a=canary-cookie-3Xt5',
  }
  const ask = (line: string, more: object = {}) => freddy.ask(line, { from, headers, ...more })
  const begun = await ask('POST /v1/auth/register', {
    body: { email, password: PASSWORD, full_name: 'Canary Fullname', user_name: 'canary-user' },
  })
  const code = await freddy.codeFor(email)
  const { body } = await freddy.verify(begun.body.email_key, Number(code), { from, headers })
  const token: string = body.token
  const key = (await ask('POST /v1/api-keys', { token, body: { name: 'canary-key-name' } })).body
  const secret: string = key.key ?? key.api_key ?? key.secret
  const question = 'canary-question-Zx81'
  await ask('POST /v1/responses', { token: secret, body: { model: 'm', input: question } })
  await ask('POST /v1/responses', {
    token: 'canary-wrong-token-55',
    body: { model: 'm', input: 'x' },
  })
  await ask('GET /account/not-me/canarylinksecret000001')
  await ask('GET /v1/models?canary=canary-query-6Yt3', { token: secret })
  model.behave((answer) => void answer.destroy())
  await ask('POST /v1/responses', { token: secret, body: { model: 'm', input: question } })
  await ask('POST /v1/auth/logout', { token })
  return {
    email,
    agent,
    from,
    code,
    token,
    secret,
    question,
    header: 'canary-header-9Lm2',
    cookie: 'canary-cookie-3Xt5',
    query: 'canary-query-6Yt3',
    wrong: 'canary-wrong-token-55',
    link: 'canarylinksecret000001',
    password: PASSWORD,
    fullName: 'Canary Fullname',
    userName: 'canary-user',
    keyName: 'canary-key-name',
    emailKey: begun.body.email_key,
    refreshToken: body.refreshToken,
    upstreamKey: env.UPSTREAM_API_KEY,
  }
}

const ask = (freddy: Freddy, from: string, token?: string) =>
  freddy.ask('POST /v1/responses', {
    from,
    headers: { traceparent, 'x-forwarded-for': '203.0.113.9' },
    ...(token ? { token } : {}),
    body: { model: 'm', input: 'x' },
  })

const serverSpan = (spans: readonly ReadableSpan[]) =>
  spans.find(({ name }) => name === 'POST /v1/responses')

scene(
  'a stranger begins no trace of ours, and a model server hears of none of ours',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    for (const from of [PROXY, '203.0.113.8']) {
      const [, spans] = await spansOf(() => ask(freddy, from, token))
      assert.equal(serverSpan(spans)?.parentSpanContext, undefined)
      assert.notEqual(serverSpan(spans)?.spanContext().traceId, TRACE)
    }
    const heard = model.heard.slice(-2).map(({ headers }) => headers.traceparent)
    assert.deepEqual(heard, [traceparent, traceparent], 'what the caller says, and nothing of ours')
  },
  { env: { ...env, TRUSTED_PROXIES: PROXY } },
)

scene(
  'with TRACE_CONTEXT a trusted proxy’s trace goes on here and in the model server, and no other',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const [, spans] = await spansOf(() => ask(freddy, PROXY, token))
    assert.equal(serverSpan(spans)?.spanContext().traceId, TRACE)
    assert.equal(serverSpan(spans)?.parentSpanContext?.spanId, PARENT)
    const asked = spans.find(({ name }) => name.startsWith('ask '))
    const heard = model.heard.at(-1)?.headers.traceparent
    assert.equal(heard, `00-${TRACE}-${asked?.spanContext().spanId}-01`)
    const [, strange] = await spansOf(() => ask(freddy, '203.0.113.8', token))
    assert.notEqual(serverSpan(strange)?.spanContext().traceId, TRACE)
  },
  { env: { ...env, TRUSTED_PROXIES: PROXY, TRACE_CONTEXT: 'in,out' } },
)

test('docs/traces.md: its file sends what the server did to a collector, the last of it at the end', async () => {
  const page = readFileSync(join(root, 'docs/traces.md'), 'utf8')
  const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(page) ?? []
  // Beside the packages that it names.
  mkdirSync(join(root, '.cache'), { recursive: true })
  const place = mkdtempSync(join(root, '.cache', 'traces-'))
  const data = mkdtempSync(join(tmpdir(), 'freddy-'))
  writeFileSync(join(place, 'tracing.mjs'), code)
  const received: string[] = []
  const collector = createServer(async (request, answer) => {
    received.push(`${request.url} ${(await request.toArray()).join('')}`)
    answer.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const { port } = collector.address() as AddressInfo
  try {
    const server = await startProcess({
      DATA_DIR: data,
      NODE_OPTIONS: `--import ${join(place, 'tracing.mjs')}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      TRACE_RATIO: '1',
    })
    await call(server.base, '/v1/models')
    assert.equal(await server.stop(), 0)
    assert.ok(received.every((text) => text.startsWith('/v1/traces ')))
    assert.ok(
      received.some((text) => text.includes('"GET /v1/models"')),
      received.join().slice(0, 500),
    )
  } finally {
    collector.close()
    for (const folder of [place, data]) rmSync(folder, { recursive: true, force: true })
  }
})
