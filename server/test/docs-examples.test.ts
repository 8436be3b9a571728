import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { childEnv } from './child-env.ts'
import { databases } from './databases.ts'
import { startProcess } from './server-process.ts'
import { shellOn } from './shell.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'
import { type Received, startReceiver } from './webhook-receiver.ts'

const EMAIL = 'you@example.com'
const allowHere = { WEBHOOK_ALLOW: '127.0.0.0/8' }

/** A page's pieces of code in one language, by their first comment. */
function piecesOf(page: string, language: string): Map<string, string> {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  const fences = text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)
  const pieces = [...fences].filter(([, found]) => found === language)
  return new Map(pieces.map(([, , code = ''], index) => [titleOf(code) ?? `piece ${index}`, code]))
}

const titleOf = (code: string) => /^(?:#|\/\/) (.+)\n/.exec(code)?.[1]

interface Place {
  readonly base: string
  readonly sink: SmtpSink
  /** For a command of the operator beside the server. */
  readonly where: Parameters<typeof shellOn>[0]
}

/** Runs a program; what it prints. It must end well. */
function run(command: string, args: readonly string[], env: Record<string, string>, input = '') {
  return new Promise<string>((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { env: { ...childEnv(), ...env }, timeout: 60_000 },
      (failure, stdout, stderr) =>
        failure ? reject(new Error(`${failure.message}\n${stderr}`)) : resolve(stdout),
    )
    child.stdin?.end(input)
  })
}

/** The code of the newest mail past so many: the first of them may still be on its way. */
async function nextCode(sink: SmtpSink, past: number): Promise<string> {
  for (let round = 0; round < 1000; round++) {
    const code = sink.mails.length > past ? sink.codeFor(EMAIL) : undefined
    if (code) return code
    await wait(10)
  }
  throw new Error('no mail came')
}

function onBoth(
  name: string,
  tell: (place: Place) => Promise<void>,
  env: Record<string, string> = {},
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, async () => {
      const place = await open()
      const sink = await startSmtpSink()
      const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
      const server = await startProcess({
        SMTP_URL: sink.url,
        DATA_DIR: folder,
        ...(engine === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
        ...env,
      })
      try {
        const databaseUrl = engine === 'PostgreSQL' ? place.url : null
        await tell({ base: server.base, sink, where: { databaseUrl, dataDir: folder } })
      } finally {
        await server.kill()
        await sink.close()
        await place.drop()
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
}

/** Runs a page's pieces for the shell as they stand there, but for the address. */
function shell(page: string, base: string) {
  const pieces = piecesOf(page, 'sh')
  return async (title: string, env: Record<string, string> = {}) => {
    const code = pieces.get(title)
    assert.ok(code, `${page} has a piece "${title}"`)
    return JSON.parse(
      await run('bash', ['-ec', code.replaceAll('http://localhost:3000', base)], env),
    )
  }
}

async function signUp({ base, sink }: Place) {
  const flow = shell('login-flow.md', base)
  const begun = await flow('register')
  const code = await nextCode(sink, 0)
  return flow('verify', { EMAIL_KEY: begun.email_key, CODE: code })
}

onBoth('docs/login-flow.md: the calls by curl', async (place) => {
  const flow = shell('login-flow.md', place.base)
  await signUp(place)
  const begun = await flow('login')
  const code = await nextCode(place.sink, 1)
  const tokens = await flow('verify', { EMAIL_KEY: begun.email_key, CODE: code })
  assert.equal(tokens.user.email, EMAIL)
  const renewed = await flow('refresh', { REFRESH_TOKEN: tokens.refreshToken })
  const said = await flow('call', { TOKEN: renewed.token })
  assert.equal(said.output_text, 'Hello')
  const asked = await shell('quick-start.md', place.base)('ask', { KEY: renewed.token })
  assert.equal(asked.output_text, 'Hello')
})

onBoth('docs/login-flow.md: the Python class signs in and calls', async (place) => {
  await signUp(place)
  const pieces = [...piecesOf('login-flow.md', 'python').values()].join('\n')
  const program = `${pieces}
assert auth.get_headers()["Content-Type"] == "application/json"
first = auth.token
auth.refresh()
assert auth.token and auth.token != first
auth.token = "stale"
print(auth.create_response("echo-1", [{"role": "user", "content": "Again"}])["output_text"])
`.replaceAll('http://localhost:3000', place.base)
  const asked = nextCode(place.sink, 1)
  const said = await withInput('python3', ['-c', program], asked)
  assert.match(said, /Hello\nAgain\n$/)
})

onBoth('docs/login-flow.md: the JavaScript class signs in and calls', async (place) => {
  await signUp(place)
  const pieces = [...piecesOf('login-flow.md', 'js').values()].join('\n')
  const program = `import { createInterface } from 'node:readline/promises'
const asking = createInterface({ input: process.stdin })
// From now on: the mail may be here before the question.
const lines = asking[Symbol.asyncIterator]()
const prompt = () => {}
${pieces.replace("prompt('Code: ')", '(await lines.next()).value')}
const all = await Promise.all(Array.from({ length: 10 }, (_, n) =>
  auth.createResponse('echo-1', [{ role: 'user', content: String(n) }])))
console.log(all.map((one) => one.output_text).join(''))
asking.close()
`.replaceAll('http://localhost:3000', place.base)
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, program)
  const said = await withInput(process.execPath, [file], nextCode(place.sink, 1))
  rmSync(folder, { recursive: true, force: true })
  assert.match(said, /Hello\n0123456789\n$/)
})

/** Runs a program that asks for the code when it is mailed. */
function withInput(command: string, args: readonly string[], asked: Promise<string>) {
  const env = { ...childEnv(), PYTHONPATH: process.env.TEST_PYTHONPATH ?? '' }
  return new Promise<string>((resolve, reject) => {
    const child = execFile(command, args, { env, timeout: 60_000 }, (failure, stdout, stderr) =>
      failure ? reject(new Error(`${failure.message}\n${stderr}`)) : resolve(stdout),
    )
    asked.then((code) => child.stdin?.end(`${code}\n`), reject)
  })
}

onBoth('docs/api-keys.md: a key is bound and bound otherwise', async (place) => {
  const { token } = await signUp(place)
  const keys = shell('api-keys.md', place.base)
  const made = await keys('restrict', { TOKEN: token })
  assert.deepEqual(made.networks, ['127.0.0.0/8', '::1'])
  assert.equal((await keys('use', { API_KEY: made.key })).output_text, 'Hello')
  const changed = await keys('change', { TOKEN: token, KEY_ID: made.id })
  assert.deepEqual([changed.networks, changed.limits.tokens_per_day], [null, 50_000])
  const self = await keys('self', { API_KEY: made.key })
  assert.equal(self.remaining.tokens_per_day.left, 50_000 - 4)
  const key = { TOKEN: token, KEY_ID: made.id }
  assert.equal((await keys('pause', key)).status, 'paused')
  assert.equal((await keys('use', { API_KEY: made.key })).error.code, 'API_KEY_PAUSED')
  assert.equal((await keys('resume', key)).status, 'active')
  const next = await keys('rotate', key)
  assert.equal(next.old_secret.end_when_silent, 86_400)
  for (const secret of [made.key, next.key]) {
    assert.equal((await keys('use', { API_KEY: secret })).output_text, 'Hello')
  }
  assert.deepEqual(await keys('leak', { API_KEY: next.key }), { revoked: true })
  assert.equal((await keys('use', { API_KEY: made.key })).error.code, 'INVALID_API_KEY')
})

onBoth('docs/api-keys.md: a key makes another, and a canary opens nothing', async (place) => {
  const { token } = await signUp(place)
  const keys = shell('api-keys.md', place.base)
  const answer = await fetch(`${place.base}/v1/api-keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'builds', scopes: ['responses', 'keys:derive'] }),
  })
  const parent = (await answer.json()) as { id: string; key: string }
  const canary = await keys('canary', { TOKEN: token })
  assert.equal((await keys('use', { API_KEY: canary.key })).error.code, 'INVALID_API_KEY')
  const child = await keys('derive', { API_KEY: parent.key })
  assert.equal(child.parent_id, parent.id)
  assert.equal((await keys('use', { API_KEY: child.key })).output_text, 'Hello')
})

onBoth('docs/api-keys.md: a key is made, used, listed and revoked', async (place) => {
  const { token } = await signUp(place)
  const keys = shell('api-keys.md', place.base)
  const made = await keys('create', { TOKEN: token })
  assert.match(made.key, /^ak_/)
  assert.equal((await keys('use', { API_KEY: made.key })).output_text, 'Hello')
  const check = shell('behind-a-proxy.md', place.base)
  assert.equal((await check('check', { API_KEY: made.key })).key_id, made.id)
  const python = piecesOf('api-keys.md', 'python').get('openai') ?? ''
  const program = `API_KEY = "${made.key}"\n${python}`.replaceAll(
    'http://localhost:3000',
    place.base,
  )
  const path = process.env.TEST_PYTHONPATH ?? ''
  assert.equal(await run('python3', ['-c', program], { PYTHONPATH: path }), 'Hello\n')
  assert.equal((await keys('list', { TOKEN: token })).data[0].id, made.id)
  assert.equal((await keys('revoke', { TOKEN: token, KEY_ID: made.id })).deleted, true)
  assert.equal((await keys('use', { API_KEY: made.key })).error.code, 'INVALID_API_KEY')
})

onBoth(
  'docs/verifying.md: a server of its own asks, and verifies offline',
  async (place) => {
    const { token } = await signUp(place)
    const words = `keys create --user ${EMAIL} --scopes tokens:introspect`.split(' ')
    const made = shellOn(place.where, words)
    assert.equal(made.status, 0, made.text)
    const API_KEY = made.stdout.trim()
    const told = await shell('verifying.md', place.base)('introspect', {
      API_KEY,
      TOKEN: token,
    })
    assert.equal(told.active, true)
    const code = piecesOf('verifying.md', 'js').get('offline') ?? assert.fail()
    const program = `${code}
const token = process.env.TOKEN
const outcome = () => verify(token).then(({ sid }) => sid, ({ message }) => message)
console.log(await outcome())
await listen()
console.log(await outcome())
// Listed, and back again: its panic was undone.
ended.set((await ask(token)).sid, Date.now())
console.log(await outcome())
const post = (path, body) => fetch(freddy + path, {
  method: 'POST',
  headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
  body: JSON.stringify(body),
}).then((answer) => answer.json())
const { id, key } = await post('/v1/api-keys', { name: 'k' })
const about = () => verifyKey(key).then(({ key_id }) => key_id === id, ({ message }) => message)
console.log(await about())
await post('/v1/api-keys/' + id + '/rotate', { overlap_days: 0 })
console.log(await about())
await listen()
console.log(await about())
await fetch(freddy + '/v1/auth/logout', { method: 'POST', headers: { authorization: 'Bearer ' + token } })
await listen()
console.log(await outcome())
`.replaceAll('http://localhost:3000', place.base)
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    const file = join(folder, 'program.mjs')
    try {
      symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))
      writeFileSync(file, program)
      const said = await run(process.execPath, [file], { API_KEY, TOKEN: token })
      const ofKey = ['true', 'true', 'this key opens nothing']
      const session = [told.sid, told.sid]
      const lines = ['nobody knows what ended', ...session, ...ofKey, 'this session has ended']
      assert.deepEqual(said.trim().split('\n'), lines)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { JWT_ALG: 'EdDSA' },
)

/** Asks each of the page's servers, and then again when its caller has signed out. */
const askAll = `
import { handle } from './fetch.mjs'
import { app as withFastify } from './fastify.mjs'
import { app as withExpress } from './express.mjs'
import { app as withHono } from './hono.mjs'
import { verifier } from './verifier.mjs'
const headers = { authorization: 'Bearer ' + process.env.TOKEN }
const listening = withExpress.listen(0)
const url = 'http://127.0.0.1:' + listening.address().port + '/hello'
const said = async (answer) => console.log(answer.status, (await answer.json()).hello)
const all = async () => {
  await said(await handle(new Request('http://localhost/', { headers })))
  const { statusCode: status, body } = await withFastify.inject({ url: '/hello', headers })
  await said({ status, json: () => JSON.parse(body) })
  await said(await fetch(url, { headers }))
  await said(await withHono.request('/hello', { headers }))
}
await all()
await fetch('http://localhost:3000/v1/auth/logout', { method: 'POST', headers })
await verifier.listen()
await all()
listening.close().closeAllConnections()
`

onBoth('docs/webhooks.md: a program catches up', async (place) => {
  const { user } = await signUp(place)
  const words = `keys create --user ${EMAIL} --scopes events:read`.split(' ')
  const made = shellOn(place.where, words)
  assert.equal(made.status, 0, made.text)
  const API_KEY = made.stdout.trim()
  const told = await shell('webhooks.md', place.base)('events', { API_KEY })
  assert.deepEqual(told.data[0].data, { user_id: user.id, email: EMAIL })
  const code = piecesOf('webhooks.md', 'js').get('catch up') ?? assert.fail()
  const program = `${code}
const types = []
const after = await catchUp(undefined, ({ type }) => types.push(type))
await catchUp(after, () => types.push('told twice'))
console.log(types.join(' '))`.replaceAll('http://localhost:3000', place.base)
  const said = await run(process.execPath, ['--input-type=module', '-e', program], { API_KEY })
  assert.equal(said, 'user.created session.started api_key.created\n')
})

onBoth(
  'docs/webhooks.md: an endpoint verifies what it is sent',
  async (place) => {
    const receiver = await startReceiver()
    const hooks = (words: string) =>
      shellOn(place.where, ['webhooks', ...words.split(' ')], { env: allowHere })
    const arrived = new Promise<Received>((resolve) => {
      receiver.reply((received) => {
        resolve(received)
        return 200
      })
    })
    const made = hooks(`add ${receiver.url} --events user.created,user.deleted`)
    assert.equal(made.status, 0, made.text)
    const [line = '', WEBHOOK_SECRET = ''] = made.stdout.split('\n')
    const [id = ''] = line.split(' ')
    assert.match(hooks('add https://example.com/ --events user.born').text, /No event is called/)
    assert.equal(hooks(`test ${id}`).status, 0)
    const { headers, body } = await arrived
    assert.match(hooks('list').stdout, /active\s+user\.created user\.deleted/)
    const sent = hooks(`deliveries ${id}`).stdout
    assert.match(sent, /^evt_[0-9a-f]{32} {2}webhook\.test {2}(delivered|waiting)/)
    for (const words of ['rotate', 'pause']) {
      assert.equal(hooks(`${words} ${id}`).status, 0, words)
    }
    await receiver.close()
    const env = { WEBHOOK_SECRET, HEADERS: JSON.stringify(headers), BODY: body }
    const code = piecesOf('webhooks.md', 'js').get('verify') ?? assert.fail()
    const program = `${code}
server.listen(0, '127.0.0.1', async () => {
  const { BODY, HEADERS } = process.env
  const { host, connection, 'content-length': _, ...headers } = JSON.parse(HEADERS)
  const send = (body) => fetch('http://127.0.0.1:' + server.address().port, { method: 'POST', headers, body })
  console.log((await send(BODY)).status, (await send(BODY + ' ')).status)
  process.exit()
})`
    const said = await run(process.execPath, ['--input-type=module', '-e', program], env)
    assert.equal(said, 'webhook.test {}\n204 400\n')
    const python = `${piecesOf('webhooks.md', 'python').get('verify')}
import json, os
headers, body = json.loads(os.environ["HEADERS"]), os.environ["BODY"].encode()
secret = os.environ["WEBHOOK_SECRET"]
print(is_genuine(secret, headers, body), is_genuine(secret, headers, body + b" "))
`
    assert.equal(await run('python3', ['-c', python], env), 'True False\n')
  },
  allowHere,
)

onBoth(
  'docs/verifying.md: a server of its own uses the client',
  async (place) => {
    const { token, user } = await signUp(place)
    const words = `keys create --user ${EMAIL} --scopes tokens:introspect`.split(' ')
    const API_KEY = shellOn(place.where, words).stdout.trim()
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    try {
      symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))
      const client = new URL('../../sdk/typescript/src/verify/index.ts', import.meta.url).href
      const pieces = [...piecesOf('verifying.md', 'js'), ['all', askAll]] as const
      for (const [title, code] of pieces) {
        const own = code
          .replaceAll('http://localhost:3000', place.base)
          .replaceAll('freddy-auth-client/verify', client)
        writeFileSync(join(folder, `${title.toLowerCase()}.mjs`), own)
      }
      const said = await run(process.execPath, [join(folder, 'all.mjs')], { API_KEY, TOKEN: token })
      const four = (line: string) => Array.from({ length: 4 }, () => line)
      assert.deepEqual(said.trim().split('\n'), [
        ...four(`200 ${user.id}`),
        ...four('401 undefined'),
      ])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { JWT_ALG: 'EdDSA' },
)

onBoth('docs/gateway.md: clients of others ask', async (place) => {
  const { token } = await signUp(place)
  const made = await shell('api-keys.md', place.base)('create', { TOKEN: token })
  const pieces = piecesOf('gateway.md', 'js')
  assert.deepEqual([...pieces.keys()], ['Vercel AI SDK', 'LangChain'])
  const program = [...pieces.values()].join('\n').replaceAll('http://localhost:3000', place.base)
  // Packages are found from where the tests are.
  const words = ['--input-type=module', '--eval', program]
  assert.equal(await run(process.execPath, words, { API_KEY: made.key }), 'Hello\nHello\n')
})

onBoth('docs/usage.md: what was used is shown, and a call is explained', async (place) => {
  const { token } = await signUp(place)
  const flow = shell('login-flow.md', place.base)
  await flow('call', { TOKEN: token })
  const usage = shell('usage.md', place.base)
  const shown = await usage('usage', { TOKEN: token })
  assert.deepEqual([shown.total.calls, shown.data[0].model], [1, 'echo-1'])
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${place.base}/v1/usage/requests`, { headers })
  const { data } = (await answer.json()) as { data: { request_id: string }[] }
  const REQUEST_ID = data[0]?.request_id ?? ''
  const told = await usage('explain', { TOKEN: token, REQUEST_ID })
  assert.equal(told.outcome, 'settled')
})
