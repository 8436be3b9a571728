import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { PASSWORD, scene } from './freddy.ts'
import { beginEvents, booked, event, response, startModelServer } from './model-server.ts'
import { call, startProcess } from './server-process.ts'
import { startSmtpSink } from './smtp-sink.ts'

const STREAMS = 20
const delta = event({ type: 'response.output_text.delta', delta: 'a' })
const completed = event({ type: 'response.completed', response: response('a') })
const asked = { model: 'any', input: 'Hello', stream: true }

scene(
  'F31: whoever still waits for an answer when the server ends is told that it ends here',
  async (freddy, context) => {
    const model = await startModelServer()
    context.after(() => model.close())
    const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
    const { app } = freddy.running
    Object.assign(app.models, { standard: upstream, upstreams: [upstream] })
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const begun = new Promise<void>((resolve) =>
      model.behave((answer, heard) => {
        if (model.heard.length === 2) resolve()
        if (!heard.body.includes('"stream":true')) return
        beginEvents(answer)
        answer.write(delta)
      }),
    )
    await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = freddy.running.http.server.address() as AddressInfo
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify(asked)
    const url = `http://127.0.0.1:${port}/v1/responses`
    const plain = freddy.ask('POST /v1/responses', { token, body: { ...asked, stream: false } })
    const stream = await fetch(url, { method: 'POST', headers, body })
    await begun
    app.closing.abort()
    assert.match(await stream.text(), /event: error\ndata: .*"code":"SERVICE_UNAVAILABLE"/)
    assert.equal((await plain).status, 503)
    assert.equal((await booked(freddy)).length, 2, 'what was said is owed')
    assert.equal(app.upstreams.open, 0)
  },
  { env: { UPSTREAM_ALLOW: '127.0.0.0/8' } },
)

scene('F31: a socket that was opened ahead and asks nothing holds up no end', async (freddy) => {
  const { http } = freddy.running
  await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // Answered behind it, so that the server knows of both.
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
  const gone = once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
  socket.on('error', () => {})
  await Promise.all([gone, http.close()])
})

for (const { name, WORKERS } of [
  { name: '', WORKERS: '1' },
  { name: ', of two processes', WORKERS: '2' },
]) {
  test(`F31: SIGTERM with twenty streams under way ends none of them early, and ends with 0${name}`, (t) =>
    endUnderWay(t, { WORKERS }))
}

async function endUnderWay(t: TestContext, env: Record<string, string>) {
  const [sink, model] = [await startSmtpSink(), await startModelServer()]
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const server = await startProcess({
    ...env,
    SMTP_URL: sink.url,
    DATA_DIR: folder,
    UPSTREAM_URL: model.url,
    UPSTREAM_ALLOW: '127.0.0.0/8',
  })
  t.after(async () => {
    await server.kill()
    await Promise.all([sink.close(), model.close()])
    rmSync(folder, { recursive: true, force: true })
  })
  const { base } = server
  const email = 'ada@example.com'
  const begun = await call(base, '/v1/auth/register', { email, password: PASSWORD })
  while (!sink.codeFor(email)) await wait(5)
  const proof = { email_key: begun?.body.email_key, verification_code: sink.codeFor(email) }
  const { token } = (await call(base, '/v1/auth/verify', proof))?.body ?? {}

  const open: ServerResponse[] = []
  const all = new Promise<void>((resolve) =>
    model.behave((answer) => {
      beginEvents(answer)
      answer.write(delta)
      open.push(answer)
      if (open.length === STREAMS) resolve()
    }),
  )
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const streams = Array.from({ length: STREAMS }, () =>
    fetch(`${base}/v1/responses`, { method: 'POST', headers, body: JSON.stringify(asked) }),
  )
  await all
  const answers = await Promise.all(streams)
  const heard = once(server.child, 'exit')
  server.child.kill('SIGTERM')
  for (const answer of open) answer.end(completed)
  for (const answer of answers) assert.match(await answer.text(), /response\.completed/)
  assert.deepEqual(await heard, [0, null])
}

test('F32: a signal that comes twice within a second counts once, and the next ends the server now', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const server = await startProcess({ DATA_DIR: folder })
  t.after(async () => {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  const { hostname, port, host } = new URL(server.base)
  const peer = connect(Number(port), hostname)
  peer.on('error', () => {})
  peer.write(`POST /v1/auth/login HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9\r\n\r\n{`)
  assert.equal((await call(server.base, '/readyz'))?.status, 200)

  const { child } = server
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  while (await call(server.base, '/livez')) await wait(5)
  await wait(1100)
  assert.deepEqual([child.exitCode, child.signalCode], [null, null], 'somebody is being answered')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [1, null])
})
