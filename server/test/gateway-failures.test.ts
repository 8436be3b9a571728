import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { readConfig } from '../src/config.ts'
import { guardedLookup, reachable, spelledLoopback } from '../src/responses/upstream-address.ts'
import { type Freddy, MINUTE, scene } from './freddy.ts'
import {
  type Behaviour,
  beginEvents,
  booked,
  event,
  json,
  type ModelServer,
  response,
  startModelServer,
} from './model-server.ts'

const hello = { model: 'any', input: 'Hello' }
const streamed = { ...hello, stream: true }
const delta = event({ type: 'response.output_text.delta', delta: 'a' })

function modelScene(
  name: string,
  tell: (freddy: Freddy, model: ModelServer, token: string) => Promise<void>,
  times = 'first=0.3,plain=0.3,idle=0.3,total=5',
): void {
  scene(
    name,
    async (freddy) => {
      const model = await startModelServer()
      const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
      Object.assign(freddy.running.app.models, { standard: upstream, upstreams: [upstream] })
      const { token } = await freddy.signIn(await freddy.person('ada'))
      try {
        await tell(freddy, model, token)
        assert.equal(freddy.running.app.upstreams.open, 0, 'every slot is free again')
      } finally {
        await model.close()
      }
    },
    { env: { UPSTREAM_ALLOW: '127.0.0.0/8', UPSTREAM_TIMES: times } },
  )
}

test('attack 118: an address of this machine or its neighbours is no model server, however it is spelt', () => {
  const mayReach = reachable([])
  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '10.0.0.1',
    '172.31.9.9',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    'fd00:ec2::254',
    'fe80::1',
    '::127.0.0.1',
    '::7f00:1',
    '::ffff:0:127.0.0.1',
    '::fffe:10.0.0.1',
    'fec0::1',
    '100::1',
    '5f00::1',
    '2001:0:7f00:1::1',
    '2002:7f00:1::',
    '192.88.99.1',
    '224.0.0.1',
    'nonsense',
  ])
    assert.equal(mayReach(address), false, address)
  for (const address of ['1.1.1.1', '2606:4700::1111']) assert.ok(mayReach(address), address)
  assert.ok(reachable(['10.0.0.0/8'])('10.0.0.1'))

  for (const host of [
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '①②⑦.0.0.1',
    '[::ffff:127.0.0.1]',
  ]) {
    assert.throws(
      () => readConfig({ UPSTREAM_URL: `http://${host}:1234/v1` }),
      { problems: ['UPSTREAM_URL: takes http://… or https://…'] },
      host,
    )
  }
  for (const url of ['file:///etc/passwd', 'gopher://127.0.0.1', 'http://a:b@example.com']) {
    assert.throws(() => readConfig({ UPSTREAM_URL: url }), { name: 'ConfigError' }, url)
  }
  assert.equal(
    readConfig({ UPSTREAM_URL: 'http://127.0.0.1:11434' }).upstreamUrl,
    'http://127.0.0.1:11434/v1',
  )
  assert.deepEqual(spelledLoopback('http://127.0.0.1:11434/v1'), ['127.0.0.1'])
  assert.deepEqual(spelledLoopback('https://api.example.com/v1'), [])
})

test('attack 118: a name is judged by the address that is connected to', async () => {
  const look = (mayReach: (address: string) => boolean) =>
    new Promise((resolve) => {
      guardedLookup(mayReach)('localhost', { all: true }, (cause, found) => resolve(cause ?? found))
    })
  assert.match(String(await look(reachable([]))), /private/)
  assert.ok(Array.isArray(await look(reachable(['127.0.0.0/8', '::1/128']))))
})

modelScene(
  'attack 118: the address is looked at again when connecting',
  async (freddy, model, token) => {
    const { models } = freddy.running.app
    const metadata = { name: 'standard', url: 'http://169.254.169.254/v1', apiKey: null }
    Object.assign(models, { standard: metadata })
    const answer = await freddy.ask('POST /v1/responses', { token, body: hello })
    assert.equal(answer.status, 502)
    assert.ok(freddy.log.some((line) => line.includes('UPSTREAM_ALLOW')))
    assert.equal(model.heard.length, 0)
  },
)

modelScene(
  'attack 120: a model server that never begins is given up in time',
  async (freddy, model, token) => {
    model.behave(() => {})
    for (const body of [hello, streamed]) {
      const answer = await freddy.ask('POST /v1/responses', { token, body })
      assert.equal(answer.status, 504, answer.text)
      assert.equal(answer.body.error.code, 'UPSTREAM_TIMEOUT')
    }
    assert.equal(model.heard.length, 2, 'nothing is asked twice')
  },
)

modelScene(
  'attack 120: a stream that breaks ends with an error, never as if it were whole',
  async (freddy, model, token) => {
    const ways: Record<
      string,
      (answer: Parameters<Parameters<ModelServer['behave']>[0]>[0]) => void
    > = {
      stalls: () => {},
      resets: (answer) => answer.socket?.resetAndDestroy(),
      'ends inside an event': (answer) => answer.end('data: {"type":"resp'),
    }
    for (const [way, end] of Object.entries(ways)) {
      model.behave((answer) => {
        beginEvents(answer)
        answer.write(delta, () => setTimeout(end, 20, answer))
      })
      const answer = await freddy.ask('POST /v1/responses', { token, body: streamed })
      assert.equal(answer.status, 200, way)
      assert.ok(answer.text.startsWith(delta), way)
      const [last = ''] = answer.text.trim().split('\n\n').slice(-1)
      assert.match(
        last,
        /^event: error\ndata: \{"type":"error","code":"UPSTREAM_(ERROR|TIMEOUT)"/,
        way,
      )
      assert.equal(answer.text.includes('{"type":"resp\n'), false)
    }
    assert.equal(model.heard.length, 3, 'nothing is asked again after the first byte')
    assert.equal((await booked(freddy)).length, 3, 'what was answered is counted')
  },
)

modelScene(
  'attack 120: garbage, a wrong length and an answer of the wrong kind are no answers',
  async (freddy, model, token) => {
    model.behave((answer) => {
      answer.writeHead(200, { 'content-type': 'application/json' }).end('<html>')
    })
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: hello })).status, 502)
    model.behave((answer) => {
      answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      answer.write('{', () => answer.socket?.destroy())
    })
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: hello })).status, 502)
    model.behave((answer) => json(answer, response('Hi')))
    const answer = await freddy.ask('POST /v1/responses', { token, body: streamed })
    assert.match(answer.text, /^event: error/)
  },
)

modelScene(
  'attack 120: who leaves takes the call to the model along, before and after its first byte',
  async (freddy, model, token) => {
    await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = freddy.running.http.server.address() as AddressInfo
    const begin = () => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const ask = request({ port, path: '/v1/responses', method: 'POST', headers })
      ask.on('error', () => {})
      ask.end(JSON.stringify(streamed))
      return ask
    }
    const gone: Promise<unknown>[] = []
    let arrived = () => {}
    model.behave((answer) => {
      gone.push(once(answer, 'close'))
      arrived()
    })
    const silent = begin()
    await new Promise<void>((resolve) => {
      arrived = resolve
    })
    silent.destroy()
    await gone[0]

    model.behave((answer) => {
      beginEvents(answer)
      answer.write(delta)
      gone.push(once(answer, 'close'))
    })
    const speaking = begin()
    const [answer] = await once(speaking, 'response')
    await once(answer, 'data')
    speaking.destroy()
    await gone[1]
    while (freddy.running.app.upstreams.open > 0)
      await new Promise((resolve) => setImmediate(resolve))
  },
  'first=60',
)

modelScene(
  'attack 120: an answer that is made in the background is owed for whole, heard or not',
  async (freddy, model, token) => {
    const background = { ...hello, background: true, max_output_tokens: 900 }
    const most = (body: object) => Math.ceil(JSON.stringify(body).length / 4) + 900
    const unfinished = (status: string) => ({ ...response('', null), status, output: [] })
    const made = [
      unfinished('queued'),
      { ...unfinished('in_progress'), usage: { input_tokens: 1 } },
    ]
    for (const answered of [...made, response('Hi')]) {
      model.behave((answer) => json(answer, answered))
      const { status } = await freddy.ask('POST /v1/responses', { token, body: background })
      assert.equal(status, 200)
      freddy.pass(1)
    }
    assert.deepEqual(await booked(freddy), [most(background), most(background), 5])

    const created = event({ type: 'response.created', response: unfinished('in_progress') })
    const completed = event({ type: 'response.completed', response: response('Hi') })
    const listening = { ...background, stream: true }
    for (const events of [created + delta, created + delta + completed]) {
      model.behave((answer) => {
        beginEvents(answer)
        answer.end(events)
      })
      await freddy.ask('POST /v1/responses', { token, body: listening })
      freddy.pass(1)
    }
    assert.deepEqual((await booked(freddy)).slice(3), [most(listening), 5])

    await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = freddy.running.http.server.address() as AddressInfo
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const told: [body: object, tokens: number][] = [
      [listening, most(listening)],
      [{ ...listening, background: 1 }, most({ ...listening, background: 1 })],
      [{ ...listening, background: false }, most({ ...listening, background: false }) - 900 + 2],
    ]
    for (const [body] of told) {
      model.behave((answer) => {
        beginEvents(answer)
        answer.write(created + delta)
      })
      const ask = request({ port, path: '/v1/responses', method: 'POST', headers })
      ask.on('error', () => {})
      ask.end(JSON.stringify(body))
      const [answer] = await once(ask, 'response')
      answer.on('error', () => {})
      await once(answer, 'data')
      ask.destroy()
      while (freddy.running.app.upstreams.open > 0)
        await new Promise((resolve) => setImmediate(resolve))
      freddy.pass(1)
    }
    const last = (await booked(freddy)).slice(5)
    assert.deepEqual(
      last,
      told.map(([, tokens]) => tokens),
    )
  },
  'first=60',
)

modelScene(
  'who waits hears a comment, and an end that came late is told in the stream',
  async (freddy, model, token) => {
    model.behave(() => {})
    const answer = await freddy.ask('POST /v1/responses', { token, body: streamed })
    assert.equal(answer.status, 200)
    assert.ok(answer.text.startsWith(': keepalive\n\n'))
    assert.match(answer.text, /event: error\ndata: .*UPSTREAM_TIMEOUT/)
  },
  'first=0.3,keepalive=0.1',
)

modelScene(
  'F28: a model server that keeps failing is left alone for ten seconds, then asked once',
  async (freddy, model, token) => {
    const ask = (body: unknown = hello) => freddy.ask('POST /v1/responses', { token, body })
    model.behave((answer) => json(answer, {}, 500))
    for (let time = 0; time < 5; time++) assert.equal((await ask()).status, 502)
    const open = await ask()
    assert.equal(open.status, 503)
    assert.equal(open.headers['retry-after'], '10')
    assert.equal(model.heard.length, 5)
    const told = () => freddy.running.app.upstreams.isFailing('standard')
    assert.equal(told(), true)
    freddy.pass(10_000)
    assert.equal((await ask()).status, 502)
    assert.equal((await ask()).status, 503)
    freddy.pass(10_000)
    model.behave((answer) => json(answer, response('back')))
    assert.equal((await ask()).body.output_text, 'back')
    assert.equal((await ask()).status, 200)
    assert.equal(told(), false)
  },
)

modelScene(
  'F28: a model server that resets, hangs up, stalls or talks nonsense ends its own calls, and nobody’s sign-in',
  async (freddy, model, token) => {
    const ways: readonly Behaviour[] = [
      (answer) => answer.destroy(),
      (answer) => void answer.socket?.resetAndDestroy(),
      () => {},
      (answer) => void answer.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      (answer) => void answer.writeHead(200).end('nonsense'),
      (answer) => json(answer, {}, 500),
    ]
    for (const [index, way] of ways.entries()) {
      model.behave(way)
      const calls = Array.from({ length: 4 }, () =>
        freddy.ask('POST /v1/responses', { token, body: hello }),
      )
      const session = await freddy.signIn(await freddy.person(`p${index}`))
      const body = { refresh_token: session.refreshToken }
      assert.equal((await freddy.ask('POST /v1/auth/refresh', { body })).status, 200)
      for (const { status } of await Promise.all(calls)) {
        assert.ok([502, 503, 504].includes(status), String(status))
      }
      freddy.pass(MINUTE)
    }
    model.behave((answer) => json(answer, response('back')))
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: hello })).status, 200)
  },
)

modelScene(
  'a model server that says 503 is asked once more, and one that is away too',
  async (freddy, model, token) => {
    let asked = 0
    model.behave((answer) => {
      asked += 1
      if (asked === 1) json(answer, {}, 503)
      else json(answer, response('Hi'))
    })
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: hello })).status, 200)
    assert.equal(asked, 2)
    await model.close()
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: hello })).status, 502)
  },
  // Nothing here is to be late.
  'first=20,plain=20,idle=20,total=60',
)
