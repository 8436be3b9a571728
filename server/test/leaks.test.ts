import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { sealEvents } from '../src/auth/audit-chain.ts'
import { appointUser } from '../src/auth/roster.ts'
import { readConfig } from '../src/config.ts'
import { examine } from '../src/doctor.ts'
import { createLog } from '../src/log.ts'
import { databases } from './databases.ts'
import {
  type Answer,
  type Ask,
  type Freddy,
  SECRET,
  scene,
  startFreddy,
  wrongCode,
} from './freddy.ts'
import { json, startModelServer } from './model-server.ts'

const METRICS_TOKEN = 'canary-of-metrics-7Qz4'
const UPSTREAM_KEY = 'canary-of-upstream-K2v9'

/** How a secret may be spelt on its way out. */
function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  return [secret, encodeURIComponent(secret), base64, secret.slice(0, 12)]
}

/** Notes every answer, and tells which planted secrets stand where they do not belong. */
function watch(freddy: Freddy) {
  const planted = new Map<string, string>()
  const heard: { line: string; text: string; meant: readonly string[] }[] = []
  return {
    plant: (name: string, secret: string) => void planted.set(name, secret),
    note: (line: string, text: string, meant: readonly string[] = []) =>
      void heard.push({ line, text, meant }),
    async ask(line: string, ask: Ask = {}, meant: readonly string[] = []): Promise<Answer> {
      const answer = await freddy.ask(line, ask)
      heard.push({ line, text: JSON.stringify(answer.headers) + answer.text, meant })
      return answer
    },
    found: () =>
      heard.flatMap(({ line, text, meant }) =>
        [...planted]
          .filter(([name]) => !meant.includes(name))
          .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
          .map(([name]) => `${name} in ${line}`),
      ),
  }
}

for (const failing of [false, true]) {
  const how = failing ? 'while everything around it fails' : 'on a good day'
  test(`attack 114: planted secrets leave only where they belong, ${how}`, async (context) => {
    const model = await startModelServer()
    context.after(() => model.close())
    const env = {
      METRICS_TOKEN,
      UPSTREAM_URL: model.url,
      UPSTREAM_API_KEY: UPSTREAM_KEY,
    }
    await plant(failing, env, model)
  })
}

/** Runs a whole life on a scene's server, and looks at all that came out. */
async function plant(
  failing: boolean,
  env: Record<string, string>,
  model: Awaited<ReturnType<typeof startModelServer>>,
): Promise<void> {
  for (const { name, open } of databases) {
    const place = await open()
    const freddy: Freddy = {
      ...(await startFreddy(place.url, name, { env })),
      database: place.database,
    }
    try {
      assert.deepEqual(await live(freddy, failing, model), [], name)
    } finally {
      await freddy.running.close()
      await freddy.mail.close()
      await place.drop()
    }
  }
}

async function live(
  freddy: Freddy,
  failing: boolean,
  model: Awaited<ReturnType<typeof startModelServer>>,
): Promise<string[]> {
  const { plant, note, ask, found } = watch(freddy)
  const { app } = freddy.running
  const ada = await freddy.person('ada')
  for (const [name, secret] of Object.entries({
    secret: SECRET,
    password: ada.password,
    metrics: METRICS_TOKEN,
    upstream: UPSTREAM_KEY,
  }))
    plant(name, secret)
  const origin = { address: 'shell', source: 'shell', network: null, agent: 'test' }
  await appointUser({ app, origin, now: freddy.now(), actor: 'shell' }, ada.id, 'admin')
  freddy.pass(1000)

  const { login, tokens, key } = await signIn(freddy, { plant, ask }, ada)
  const words = { model: 'm', messages: [{ role: 'user', content: 'canary-of-a-prompt' }] }
  plant('prompt', 'canary-of-a-prompt')
  model.behave((answer, { headers }) => {
    const quoted = `${headers.authorization} ${JSON.stringify(words)} ${key}`
    if (failing) return json(answer, { error: { message: quoted, code: quoted } }, 401)
    return json(answer, { id: 'resp_1', object: 'response', status: 'completed', output: [] })
  })
  if (failing) {
    freddy.mail.behaviour.refuses = true
    freddy.mail.behaviour.says = `no ${ada.email} here, password=${ada.email}`
  }
  plant('email', ada.email)
  await ask('POST /v1/responses', { headers: { 'api-key': key }, body: words })
  await ask('POST /v1/auth/login', {
    body: { email_or_username: ada.email, password: `${ada.password}!` },
  })
  await freddy.login(ada)
  await freddy.running.outbox.drain()
  await ask('POST /v1/auth/refresh', { body: { refresh_token: `${tokens.refreshToken}x` } })
  await ask('GET /v1/models', { token: `${tokens.token}x` })
  await ask('GET /v1/models', { headers: { 'api-key': `${key}x` } })
  await ask('POST /v1/auth/verify', { body: { email_key: login, verification_code: tokens.token } })
  await ask(`GET /v1/${tokens.token}?key=${key}`)
  await sealEvents(app.store.audit)

  const { token } = tokens
  for (const line of ['settings', 'system', 'audit', 'mails'])
    await ask(`GET /v1/admin/${line}`, { token })
  await ask('GET /v1/admin/users', { token }, ['email'])
  await ask('GET /v1/api-keys', { token })
  await ask('GET /v1/user/sessions', { token })
  await ask('GET /metrics', { token: METRICS_TOKEN })
  await ask('GET /openapi.json')
  await ask('GET /readyz')
  const nothing = async () => {}
  const operator = { checkMail: nothing, checkSecret: nothing, countsTogether: async () => true }
  note('doctor', JSON.stringify(await examine({ app, ...operator, close: async () => {} })))
  await broken(freddy, `GET /v1/${token} HTTP/9.9\r\nauthorization: Bearer ${token}\r\n\r\n`)
  note('the log', freddy.log.join(''))
  assert.ok(freddy.log.length > 15)
  if (failing) assert.ok(freddy.log.some((line) => line.includes('mail.refused')))
  return found()
}

type Watch = ReturnType<typeof watch>

/** Signs in with a device, and makes a key: each secret is planted as it comes to be. */
async function signIn(
  freddy: Freddy,
  { plant, ask }: Pick<Watch, 'plant' | 'ask'>,
  ada: { email: string; password: string },
) {
  const credentials = { email_or_username: ada.email, password: ada.password }
  const login = await ask('POST /v1/auth/login', { body: credentials }, ['email_key', 'email'])
  const { email_key } = login.body
  plant('email_key', email_key.slice(5))
  const code = await freddy.codeFor(ada.email)
  const verify = (verification_code: number, meant: readonly string[]) =>
    ask('POST /v1/auth/verify', { body: { email_key, verification_code } }, meant)
  await verify(wrongCode(code), [])
  const all = ['token', 'refresh token', 'device token', 'email']
  const { body: tokens } = await verify(Number(code), all)
  plant('token', tokens.token.split('.')[2])
  plant('refresh token', tokens.refreshToken.split('.')[2])
  plant('device token', tokens.device_token)
  return { login: email_key, tokens, key: await makeKey({ plant, ask }, tokens.token) }
}

async function makeKey({ plant, ask }: Pick<Watch, 'plant' | 'ask'>, token: string) {
  const made = await ask('POST /v1/api-keys', { token, body: { name: 'k' } }, ['key'])
  plant('key', made.body.key.slice(3))
  return String(made.body.key)
}

/** What no parser takes, over a real socket. */
async function broken({ running }: Freddy, words: string): Promise<void> {
  const { http } = running
  if (!http.server.listening) await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  socket.write(words)
  socket.resume()
  await once(socket, 'close')
}

scene(
  'every answer has an id, and one line in the log that has it too and says how it ended',
  async (freddy) => {
    const answers = [
      await freddy.ask('GET /livez'),
      await freddy.ask('GET /nowhere'),
      await freddy.ask('POST /v1/auth/login', { body: {} }),
      await freddy.ask('GET /v1/models', { headers: { 'x-request-id': 'mine-1' } }),
    ]
    assert.equal(answers[3]?.headers['x-request-id'], 'mine-1')
    const lines = freddy.log.map((line) => JSON.parse(line))
    for (const { status, headers, body } of answers) {
      const own = lines.filter(({ requestId }) => requestId === headers['x-request-id'])
      assert.equal(own.length, 1)
      assert.deepEqual([own[0].event, own[0].status], ['request', status])
      assert.equal(own[0].code, body.error?.code)
      if (body.error) assert.equal(body.error.trace_id, headers['x-request-id'])
    }
    await broken(freddy, 'GET / HTTP/9.9\r\n\r\n')
    const last = JSON.parse(freddy.log.at(-1) ?? '')
    assert.match(last.requestId, /^req_/)
    assert.deepEqual([last.status, last.code], [400, 'MALFORMED_REQUEST'])
  },
)

test('attack 114: a failure that quotes whom it was about, or what with, is logged without', () => {
  const lines: string[] = []
  const log = createLog('info', (line) => lines.push(line))
  const quoted = [
    'connect to postgres://freddy:hunter22@db.internal:5432 failed',
    '550 <ada@example.com>: no such user',
    'bad header Bearer eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl for ak_1234567890abcdef',
  ]
  for (const message of quoted) {
    log.error({ event: 'failed', cause: new Error('outer', { cause: new Error(message) }) })
  }
  const text = lines.join('')
  for (const secret of ['hunter22', 'ada@', 'eyJhb', 'c2lnb', 'ak_1'])
    assert.equal(text.includes(secret), false, secret)
  for (const kept of ['connect to <address>', '550 <<address>>: no such user', '<credential> for'])
    assert.ok(text.includes(kept), kept)
})

test('of every setting that is a secret only that it is set is told', () => {
  const planted = { SECRET_KEY: SECRET, METRICS_TOKEN, UPSTREAM_API_KEY: UPSTREAM_KEY }
  const told = JSON.stringify(readConfig(planted).told)
  for (const secret of Object.values(planted)) assert.equal(told.includes(secret), false)
})
