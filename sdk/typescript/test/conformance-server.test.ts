import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { request as ask, type Dispatcher } from 'undici'
import { databases } from '../../../server/test/databases.ts'
import {
  DAY,
  type Freddy,
  HOUR,
  PASSWORD,
  type Person,
  scene,
  startFreddy,
} from '../../../server/test/freddy.ts'
import { examineServer, ruleNames } from '../src/conformance/examine-server.ts'
import { shellOf } from './cli.ts'
import { baseUrlOf, timesOf } from './server.ts'

const NOWHERE = 'http://127.0.0.1:9/v1'

interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, and is broken on purpose
  body: any
}

/** Breaks one rule in the answers that it is about. */
type Flaw = (line: string, answer: Answer, request: IncomingMessage, sent: string) => void

/** A server that keeps the contract but for one rule: ours, behind a door that changes its answers. */
async function brokenServer(context: TestContext, baseUrl: string, flaw: Flaw): Promise<string> {
  const server = createServer((request, response) => {
    void forward(new URL(baseUrl).origin, flaw, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

async function forward(
  origin: string,
  flaw: Flaw,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '', headers } = request
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const sent = Buffer.concat(chunks).toString()
  const passed = ['authorization', 'api-key', 'content-type', 'accept']
    .filter((name) => headers[name])
    .map((name) => [name, String(headers[name])] as [string, string])
  const heard = await ask(origin + url, {
    method: method as Dispatcher.HttpMethod,
    headers: { ...Object.fromEntries(passed), ...foreignHost(request) },
    body: sent === '' ? null : sent,
  })
  const answer: Answer = {
    status: heard.statusCode,
    headers: new Headers(heard.headers as Record<string, string>),
    body: await heard.body.json(),
  }
  flaw(`${method} ${url}`, answer, request, sent)
  for (const name of ['content-length', 'transfer-encoding', 'connection', 'keep-alive'])
    answer.headers.delete(name)
  response.writeHead(answer.status, [...answer.headers].flat())
  response.end(JSON.stringify(answer.body))
}

/** Who asks for another host than this door asks the server behind it for that one too. */
function foreignHost({ headers, socket }: IncomingMessage): { host?: string } {
  const { host = '' } = headers
  return host === `127.0.0.1:${socket.localPort}` ? {} : { host }
}

async function failuresOf(freddy: Freddy, baseUrl: string, who: Person | null): Promise<string[]> {
  const account = who && { ...who, code: () => freddy.codeFor(who.email) }
  const verdicts = await examineServer(baseUrl, account)
  // What one examination spends of its limits is not the next one's matter.
  freddy.pass(DAY)
  return verdicts
    .filter(({ passed }) => !passed)
    .map(({ name, sentence }) => `${name}: ${sentence}`)
}

/** Changes the answers to these calls. */
const on =
  (call: string, change: (answer: Answer) => void): Flaw =>
  (line, answer) => {
    if (line === call) change(answer)
  }

/** Changes the answers with this code. */
const onCode =
  (code: string, change: (answer: Answer, sent: string) => void): Flaw =>
  (_line, answer, _request, sent) => {
    if (answer.body?.error?.code === code) change(answer, sent)
  }

/** Changes the answers to what holds this text. */
const onSent =
  (text: string, change: (answer: Answer) => void): Flaw =>
  (_line, answer, _request, sent) => {
    if (sent.includes(text)) change(answer)
  }

const withStatus = (status: number) => (answer: Answer) => {
  answer.status = status
  if (answer.body?.error) answer.body.error.status = status
}
const without = (header: string) => (answer: Answer) => answer.headers.delete(header)
const withMessage = (message: string) => (answer: Answer) => {
  if (answer.body?.error) answer.body.error.message = message
}
const lacking =
  (field: string) =>
  ({ body }: Answer) => {
    delete body[field]
  }

/** A rule, and what breaks it. */
const flaws: Readonly<Record<string, Flaw>> = {
  alive: on('GET /livez', withStatus(503)),
  ready: on('GET /readyz', withStatus(503)),
  openapi: on('GET /openapi.json', ({ body }) => delete body.paths['/v1/auth/refresh']),
  'wrong-password': onCode('INVALID_CREDENTIALS', withMessage('No')),
  'equal-answers': onSent('"email_or_username":"n', (answer) => {
    if (!answer.body.error.details) withMessage('There is no such name')(answer)
  }),
  'unknown-key': onSent('"verification_code":2290', withStatus(404)),
  'limit-headers': on('POST /v1/auth/verify', without('ratelimit')),
  'code-shape': onSent('abcd', ({ body }) => delete body.error.details),
  'unknown-field': onSent('surprise', withStatus(401)),
  'broken-json': onCode('MALFORMED_REQUEST', (answer, sent) => {
    if (sent && !sent.endsWith('}')) withStatus(422)(answer)
  }),
  'doubled-name': onSent('"email_or_username":"b"', withStatus(401)),
  'content-type': onCode('UNSUPPORTED_MEDIA_TYPE', withStatus(400)),
  'not-found': onCode('RESOURCE_NOT_FOUND', ({ body }) => {
    body.error.code = 'NOT_FOUND'
  }),
  method: on('GET /v1/auth/login', without('allow')),
  'no-credential': on('POST /v1/responses', without('www-authenticate')),
  'unsigned-token': on('GET /v1/user/me', without('www-authenticate')),
  'invalid-key': onCode('INVALID_API_KEY', withStatus(403)),
  'two-credentials': onCode('AMBIGUOUS_CREDENTIALS', withStatus(401)),
  'strange-refresh': on('POST /v1/auth/refresh', withStatus(400)),
  'problem-json': on('GET /v1/nowhere', lacking('title')),
  'foreign-host': on('GET /v1/models', (answer) => {
    if (answer.body.error.code === 'MALFORMED_REQUEST') withStatus(401)(answer)
  }),
  throttled: onCode('TOO_MANY_LOGIN_ATTEMPTS', ({ body }) => {
    body.error.details.retry_after = 900
  }),
  'request-id': on('GET /livez', without('x-request-id')),
  envelope: onCode('INVALID_API_KEY', ({ body }) => delete body.error.timestamp),
  'no-store': on('POST /v1/auth/refresh', without('cache-control')),
}

const isNobodys = (sent: string) => sent.includes('nobody-of-') || !sent.includes('ada@example.com')
let renewals = 0

/** The same of the founding flow. */
const flowFlaws: Readonly<Record<string, Flaw>> = {
  'known-address': onCode('INVALID_CREDENTIALS', (answer, sent) => {
    if (!isNobodys(sent)) withMessage('Wrong password')(answer)
  }),
  login: onSent('ada@example.com', (answer) => {
    if (answer.status === 200) delete answer.body.next_step
  }),
  verify: on('POST /v1/auth/verify', ({ body }) => {
    if (body.expires_in) body.expires_in = '86400'
  }),
  'code-once': onCode('INVALID_VERIFICATION_CODE', (answer, sent) => {
    if (!sent.includes('uuid-0000')) withStatus(410)(answer)
  }),
  'refresh-again': on('POST /v1/auth/refresh', (answer) => {
    if (answer.status !== 200) return
    renewals += 1
    if (renewals === 2) answer.status = 409
  }),
  'signed-in': on('GET /v1/user/me', ({ status, body }) => {
    if (status === 200) body.email = 'eve@example.com'
  }),
  'log-out': on('POST /v1/auth/logout', lacking('logged_out_at')),
  'token-after-log-out': (line, answer, { headers }) => {
    const isOurs = line === 'GET /v1/user/me' && !headers.authorization?.endsWith('.')
    if (isOurs) answer.status = 200
  },
  'refresh-after-log-out': (line, answer, _request, sent) => {
    if (line === 'POST /v1/auth/refresh' && !sent.includes('."}')) answer.status = 200
  },
}

scene('our own server keeps the contract, the founding flow included', async (freddy) => {
  const ada = await freddy.person('ada')
  assert.deepEqual(await failuresOf(freddy, await baseUrlOf(freddy), ada), [])
})

/** On one database: what is told here is the kit's doing. */
function onSqlite(
  name: string,
  tell: (freddy: Freddy, context: TestContext) => Promise<void>,
): void {
  test(name, async (context) => {
    const place = await databases[0].open()
    const freddy = await startFreddy(place.url, 'SQLite')
    try {
      await tell({ ...freddy, database: place.database }, context)
    } finally {
      await freddy.running.close()
      await freddy.mail.close()
      await place.drop()
    }
  })
}

onSqlite('a server that breaks one rule is told of that rule alone', async (freddy, context) => {
  const baseUrl = await baseUrlOf(freddy)
  const names = ruleNames(false)
  assert.deepEqual(Object.keys(flaws), names)
  for (const [name, flaw] of Object.entries(flaws)) {
    const broken = await brokenServer(context, baseUrl, flaw)
    const [first = '', ...others] = await failuresOf(freddy, broken, null)
    assert.match(first, new RegExp(`^${name}: expected that .+, but .+\\.$`))
    assert.deepEqual(others, [], name)
  }
})

onSqlite(
  'a server that breaks a step of the founding flow is told of it',
  async (freddy, context) => {
    const ada = await freddy.person('ada')
    const baseUrl = await baseUrlOf(freddy)
    for (const [name, flaw] of Object.entries(flowFlaws)) {
      renewals = 0
      const broken = await brokenServer(context, baseUrl, flaw)
      const [first = ''] = await failuresOf(freddy, broken, ada)
      assert.match(first, new RegExp(`^${name}: expected that .+, but .+\\.$`))
    }
  },
)

scene('the command asks a server, and types the code of a person', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const baseUrl = await baseUrlOf(freddy)
  const { run } = shellOf(context, NOWHERE)
  const words = ['conformance', '--server', baseUrl, '--email', ada.email]
  const mailed = async () => {
    while (!freddy.mail.codeFor(ada.email)) await freddy.running.outbox.drain()
    return freddy.codeFor(ada.email)
  }
  const whole = await run(words, [PASSWORD, mailed])
  assert.deepEqual([whole.status, whole.stdout.match(/^no /gm)], [0, null], whole.stdout)
  assert.match(whole.stdout, /^ok {2}refresh-after-log-out: /m)

  const away = await run(['conformance', '--server', NOWHERE, '--only', 'alive', '--json'])
  assert.equal(away.status, 1)
  const [verdict] = JSON.parse(away.stdout).verdicts
  assert.match(verdict.sentence, /^expected that \/livez .*, but no answer came/)
})

scene(
  'the command reads the code in the inbox of a server that has no mail server',
  async (freddy, context) => {
    const ada = await freddy.person('ada')
    const baseUrl = await baseUrlOf(freddy)
    const inbox = `${new URL(baseUrl).origin}/dev/inbox?word=${freddy.running.inbox?.word}`
    const account = ['--email', ada.email, '--password', PASSWORD, '--inbox-url', inbox]
    const { run } = shellOf(context, NOWHERE)
    // A code of before is not taken for the new one.
    await freddy.login(ada)
    await freddy.running.outbox.drain()
    freddy.pass(HOUR)
    const asked = run(['conformance', '--server', baseUrl, ...account])
    while ((await timesOf(freddy, 'login.password')) < 2) await freddy.running.outbox.drain()
    await freddy.running.outbox.drain()
    const { status, stdout } = await asked
    assert.deepEqual([status, stdout.match(/^no .*/gm)], [0, null], stdout)
  },
  { env: { SMTP_URL: '', PUBLIC_URL: 'http://localhost:3000' } },
)
