import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Freddy, PASSWORD, scene } from './freddy.ts'

const soon = () => ({ signal: AbortSignal.timeout(5000) })

async function portOf({ running: { http } }: Freddy): Promise<number> {
  if (!http.server.listening) await http.listen({ port: 0, host: '127.0.0.1' })
  const address = http.server.address()
  return typeof address === 'object' && address ? address.port : 0
}

/** All that comes back for these bytes until the server closes; a server that does not is left after two seconds. */
async function heardFor(freddy: Freddy, ...lines: string[]): Promise<string> {
  const socket = connect({ port: await portOf(freddy), host: '127.0.0.1' })
  let heard = ''
  socket.setTimeout(2000, () => socket.destroy())
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.write([...lines, '', ''].join('\r\n'))
  await once(socket, 'close')
  return heard
}

/** Our own words, whoever refused: the status, the code, and the id in header and body. */
function assertOurs(heard: string, status: number, code: string): void {
  assert.match(heard, new RegExp(`^HTTP/1\\.1 ${status} `), heard)
  const [head = '', body = ''] = heard.split('\r\n\r\n')
  const { success, error } = JSON.parse(body)
  assert.deepEqual([success, error.code, error.status], [false, code, status])
  assert.match(head.toLowerCase(), /\r\nx-content-type-options: nosniff/, heard)
  assert.equal(/\r\nx-request-id: (.*)/i.exec(head)?.[1]?.trim(), error.trace_id, heard)
}

scene('attack 109: a path that no router reads is refused in our words', async (freddy) => {
  const host = 'Host: localhost'
  for (const path of ['/v1/%zz', '/%E0%A4%A', '/v1/user/me%']) {
    const heard = await heardFor(freddy, `GET ${path} HTTP/1.1`, host, 'Connection: close')
    assertOurs(heard, 404, 'RESOURCE_NOT_FOUND')
  }
  const foreign = await heardFor(
    freddy,
    'GET /%zz HTTP/1.1',
    'Host: evil.example',
    'Connection: close',
  )
  assertOurs(foreign, 400, 'MALFORMED_REQUEST')
  assert.ok(freddy.log.some((line) => line.includes('"route":"none"')))
})

scene('attack 109: an id of any length is no failure of ours', async ({ ask }) => {
  const long = 'a'.repeat(5000)
  assert.equal((await ask(`GET /v1/auth/challenge/${long}`)).status, 422)
  assert.equal((await ask(`GET /account/reset/${long}`)).status, 410)
  assert.equal((await ask(`GET /account/stop/${long}`)).status, 410)
})

scene('attack 105: who asks before sending a body hears no first', async (freddy) => {
  const ask = (length: number) =>
    heardFor(
      freddy,
      'POST /v1/responses HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Expect: 100-continue',
      `Content-Length: ${length}`,
      'Connection: close',
    )
  // Without a credential, and past every bound: nobody is asked to send what nobody reads.
  assertOurs(await ask(1_000_000), 401, 'AUTHENTICATION_REQUIRED')
  assertOurs(await ask(99_000_000), 413, 'PAYLOAD_TOO_LARGE')
})

scene('who asks before sending a body that is read is told to send it', async (freddy) => {
  const socket = connect({ port: await portOf(freddy), host: '127.0.0.1' })
  const body = JSON.stringify({ email_or_username: 'nobody', password: 'x' })
  const head = [
    'POST /v1/auth/login HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    'Expect: 100-Continue',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  socket.write([...head, '', ''].join('\r\n'))
  const [first] = await once(socket, 'data', soon())
  assert.match(String(first), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  socket.write(body)
  const [second] = await once(socket, 'data', soon())
  assert.match(String(second), /^HTTP\/1\.1 401 /)
  socket.destroy()
})

scene('an expectation that nobody knows changes nothing', async (freddy) => {
  const heard = await heardFor(
    freddy,
    'GET /v1/user/me HTTP/1.1',
    'Host: localhost',
    'Expect: 200-ok',
    'Connection: close',
  )
  assertOurs(heard, 401, 'AUTHENTICATION_REQUIRED')
})

scene('attack 107: a body in a coding that nobody undoes is refused', async (freddy) => {
  const heard = await heardFor(
    freddy,
    'POST /v1/auth/login HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    'Transfer-Encoding: gzip, chunked',
    'Connection: close',
    '',
    '2',
    '{}',
    '0',
  )
  assertOurs(heard, 400, 'MALFORMED_REQUEST')
})

scene('a request that comes while the server stops is told so in our words', async (freddy) => {
  const { http } = freddy.running
  const socket = connect({ port: await portOf(freddy), host: '127.0.0.1' })
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  const gone = once(socket, 'close')
  const [taken] = await once(http.server, 'connection')
  // A head that has begun keeps its socket open.
  socket.write('GET /v1/user/me HTTP/1.1\r\nHost: localhost\r\n')
  while (taken.bytesRead === 0) await nextTurn()
  const closed = http.close()
  while (http.server.listening) await nextTurn()
  socket.write('\r\n')
  await Promise.all([gone, closed])
  assertOurs(heard, 503, 'SERVICE_UNAVAILABLE')
  assert.match(heard, /\r\nretry-after: 1\r\n/i)
  assert.match(heard, /\r\nconnection: close\r\n/i)
})

scene('attack 110: a name with a NUL in it is nobody, on every database', async (freddy) => {
  const boss = await freddy.person('boss')
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: boss.id })
  const { token } = await freddy.signIn(boss)
  const named = await freddy.login({ as: 'bo\0ss' })
  assert.equal(named.status, 422, named.text)
  const sought = await freddy.ask('GET /v1/admin/users?search=bo%00ss', { token })
  assert.equal(sought.status, 422, sought.text)
})

scene('attack 056: what a caller calls its program is no sentence and no link', async (freddy) => {
  const agents = [
    ['Your account is locked, go to evil.example/login Windows NT 10.0', 'with Your on Windows.'],
    ['evil.example', 'with evil-example.'],
    ['2290 is your code/1 (Linux) x', 'with an unknown'],
    ['python-requests/2.32', 'with python-requests.'],
  ] as const
  for (const [place, [agent, said]] of agents.entries()) {
    const email = `stranger${place}@example.com`
    const headers = { 'user-agent': agent }
    await freddy.ask('POST /v1/auth/register', { body: { email, password: PASSWORD }, headers })
    await freddy.running.outbox.drain()
    const letter = freddy.mail.mails.at(-1)?.raw.replace(/=\r\n/g, '') ?? ''
    assert.ok(letter.includes(email), letter)
    assert.doesNotMatch(letter, /evil\.example|locked|with 2290/)
    if (!said.endsWith('unknown')) assert.ok(letter.includes(said), letter)
  }
})
