import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import OpenAI from 'openai'
import { sealResponseId } from '../src/responses/response-id.ts'
import { type Freddy, scene } from './freddy.ts'
import {
  beginEvents,
  booked,
  event,
  json,
  type ModelServer,
  response,
  startModelServer,
} from './model-server.ts'

const hello = { model: 'any', messages: [{ role: 'user', content: 'Hello dear world' }] }

/** A scene with a model server of our own behind it. */
function modelScene(
  name: string,
  tell: (freddy: Freddy, model: ModelServer, token: string) => Promise<void>,
  env: Record<string, string> = {},
): void {
  const settings: { env: Record<string, string> } = { env: {} }
  scene(
    name,
    async (freddy) => {
      const model = await startModelServer()
      // The place of the model server is known only now, after the server of the scene began.
      const { models } = freddy.running.app
      const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
      Object.assign(models, { standard: upstream, upstreams: [upstream] })
      const ada = await freddy.person('ada')
      const { token } = await freddy.signIn(ada)
      try {
        await tell(freddy, model, token)
        assert.equal(freddy.running.app.upstreams.open, 0)
      } finally {
        await model.close()
      }
    },
    Object.assign(settings, { env: { UPSTREAM_ALLOW: '127.0.0.0/8', ...env } }),
  )
}

async function client(freddy: Freddy, token: string): Promise<OpenAI> {
  await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
  const bound = freddy.running.http.server.address()
  const port = typeof bound === 'object' && bound ? bound.port : 0
  return new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: token, maxRetries: 1 })
}

scene("OpenAI's own client talks to the built-in model in every shape", async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const openai = await client(freddy, token)

  const plain = await openai.responses.create({ model: 'gpt-any', input: 'Hello dear world' })
  assert.equal(plain.output_text, 'Hello dear world')
  assert.equal(plain.model, 'echo-1')

  const types: string[] = []
  let heard = ''
  const stream = await openai.responses.create({
    model: 'x',
    input: 'Hello dear world',
    stream: true,
  })
  for await (const part of stream) {
    types.push(part.type)
    if (part.type === 'response.output_text.delta') heard += part.delta
  }
  assert.equal(heard, 'Hello dear world')
  assert.equal(types[0], 'response.created')
  assert.equal(types.at(-1), 'response.completed')
  assert.equal(types.filter((type) => type === 'response.output_text.delta').length, 3)
  const helped = await openai.responses.stream({ model: 'x', input: 'Hello you' }).finalResponse()
  assert.equal(helped.output_text, 'Hello you')

  const chat = await openai.chat.completions.create({
    model: 'x',
    messages: [{ role: 'user', content: 'Hi' }],
  })
  assert.equal(chat.choices[0]?.message.content, 'Hi')
  const chunks = await openai.chat.completions.create({
    model: 'x',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi there' }] }],
    stream: true,
    stream_options: { include_usage: true },
  })
  let said = ''
  let tokens = 0
  for await (const chunk of chunks) {
    said += chunk.choices[0]?.delta.content ?? ''
    tokens += chunk.usage?.total_tokens ?? 0
  }
  assert.equal(said, 'Hi there')
  assert.equal(tokens, 4)

  const one = await openai.embeddings.create({ model: 'x', input: ['a', 'b'], dimensions: 8 })
  assert.equal(one.data.length, 2)
  assert.equal(one.data[0]?.embedding.length, 8)
  assert.notDeepEqual(one.data[0]?.embedding, one.data[1]?.embedding)

  const models = await openai.models.list()
  assert.deepEqual(
    models.data.map(({ id }) => id),
    ['echo-1'],
  )
  assert.equal((await openai.models.retrieve('echo-1')).id, 'echo-1')
  await assert.rejects(openai.models.retrieve('nobody'), OpenAI.NotFoundError)
  await assert.rejects(openai.responses.retrieve(plain.id), OpenAI.NotFoundError)
})

scene('the public shape with inputs is answered too', async (freddy) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const body = { model: 'echo-1', inputs: 'Hello' }
  const answer = await freddy.ask('POST /v1/model/response', { token, body })
  assert.equal(answer.body.output_text, 'Hello', answer.text)
})

modelScene('what we do not know reaches the model byte for byte', async (freddy, model, token) => {
  model.behave((answer) => json(answer, response('Hi')))
  const text =
    '{ "model":"big-1",\t"input" : "x", "n":1.0, "big":12345678901234567890, "é":"\\u00e9" }'
  const answer = await freddy.running.http.inject({
    method: 'POST',
    url: '/v1/responses',
    headers: {
      host: 'localhost',
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
    },
    payload: text,
  })
  assert.equal(answer.statusCode, 200, answer.body)
  assert.equal(model.heard[0]?.body, text)
  assert.equal(model.heard[0]?.path, '/v1/responses')
  assert.equal(answer.json().output_text, 'Hi')

  await freddy.ask('POST /v1/responses', { token, body: { ...hello, odd: [1] } })
  assert.deepEqual(JSON.parse(model.heard[1]?.body ?? ''), {
    model: 'any',
    input: hello.messages,
    odd: [1],
  })
})

modelScene('a model goes by another name at its server', async (freddy, model, token) => {
  const { models } = freddy.running.app
  const [upstream] = models.upstreams
  const prices = { inputPrice: 1, outputPrice: 2, context: 8000 }
  const row = { name: 'fast', upstream, upstreamModel: 'big-1', ...prices }
  Object.assign(models, { models: [row], standard: null })
  model.behave((answer) => json(answer, response('Hi')))
  await freddy.ask('POST /v1/responses', {
    token,
    body: { x: { model: 'in' }, model: 'fast', input: 'a' },
  })
  assert.equal(model.heard[0]?.body, '{"x":{"model":"in"},"model":"big-1","input":"a"}')
  const unknown = await freddy.ask('POST /v1/responses', {
    token,
    body: { model: 'slow', input: 'a' },
  })
  assert.equal(unknown.status, 404)
  const list = await freddy.ask('GET /v1/models', { token })
  assert.equal(list.body.data[0].context_length, 8000)
})

modelScene(
  'attack 119: nothing of the caller reaches the model, and nothing of the model but its answer the caller',
  async (freddy, model, token) => {
    model.behave((answer) => {
      answer.writeHead(200, {
        'content-type': 'application/json',
        'set-cookie': 'evil=1',
        server: 'models',
        'access-control-allow-origin': '*',
        'x-odd': '1',
      })
      answer.end(JSON.stringify(response('Hi')))
    })
    const injected = { model: 'a\r\nx-evil: 1', input: 'x' }
    const refused = await freddy.ask('POST /v1/responses', { token, body: injected })
    assert.deepEqual([refused.status, model.heard.length], [422, 0])
    const answer = await freddy.ask('POST /v1/responses', {
      token,
      body: { model: 'a', input: 'x'.repeat(1_000_000) },
      headers: {
        cookie: 'freddy=1',
        'x-user-id': 'admin',
        'x-freddy-user': 'usr_other',
        'x-forwarded-for': '1.2.3.4',
        connection: 'authorization, x-freddy-user',
        te: 'trailers',
        'openai-beta': 'assistants=v2',
      },
    })
    assert.equal(answer.status, 200, answer.text.slice(0, 300))
    const headers = model.heard[0]?.headers ?? {}
    const { 'x-freddy-user': user = '', ...rest } = headers
    assert.deepEqual(Object.keys(rest).sort(), [
      'accept',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'openai-beta',
      'user-agent',
      'x-request-id',
    ])
    assert.equal(headers.authorization, 'Bearer sk-ours')
    const [, signed = '', mac] = /^(usr_[0-9a-f]{32};t=\d+);v1=(\w+)$/.exec(String(user)) ?? []
    assert.equal(mac, createHmac('sha256', 'sk-ours').update(signed).digest('hex'))
    assert.equal(JSON.stringify(model.heard[0]).includes(token), false)
    for (const name of ['set-cookie', 'server', 'access-control-allow-origin', 'x-odd']) {
      assert.equal(answer.headers[name], undefined, name)
    }
  },
)

scene(
  'a response of the built-in model proves whose it is, and one from before does',
  async (freddy) => {
    const { app } = freddy.running
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const eve = await freddy.signIn(await freddy.person('eve'))
    const { body } = await freddy.ask('POST /v1/responses', { token, body: hello })
    const { body: me } = await freddy.ask('GET /v1/auth/check', { token })
    const before = sealResponseId(app, me.user_id, { upstream: 'echo-1', id: 'kept nowhere' })
    const bent = `${body.id.slice(0, -1)}${body.id.endsWith('A') ? 'B' : 'A'}`
    const chain = async (by: string, previous_response_id: string) => {
      const asked = { token: by, body: { ...hello, previous_response_id } }
      return (await freddy.ask('POST /v1/responses', asked)).status
    }
    for (const id of [body.id, before]) {
      assert.deepEqual([await chain(token, id), await chain(eve.token, id)], [200, 404], id)
    }
    assert.equal(await chain(token, bent), 404)
    assert.equal((await freddy.ask(`GET /v1/responses/${body.id}`, { token })).status, 404)
  },
)

modelScene(
  "a response is its owner's: to anybody else it is not there",
  async (freddy, model, token) => {
    model.behave((answer) => json(answer, response('Hi')))
    const { body } = await freddy.ask('POST /v1/responses', { token, body: hello })
    assert.match(body.id, /^resp_[\w-]+$/)
    assert.equal(body.id.includes('upstream1'), false)
    const eve = await freddy.signIn(await freddy.person('eve'))

    const mine = await freddy.ask(`GET /v1/responses/${body.id}`, { token })
    assert.equal(mine.status, 200, mine.text)
    assert.equal(model.heard[1]?.path, '/v1/responses/resp_upstream1')
    for (const line of [
      `GET /v1/responses/${body.id}`,
      `DELETE /v1/responses/${body.id}`,
      `POST /v1/responses/${body.id}/cancel`,
    ]) {
      assert.equal((await freddy.ask(line, { token: eve.token })).status, 404, line)
      assert.equal((await freddy.ask(line, { token })).status, 200, line)
    }
    const chained = { ...hello, previous_response_id: body.id }
    const before = model.heard.length
    assert.equal(
      (await freddy.ask('POST /v1/responses', { token: eve.token, body: chained })).status,
      404,
    )
    const raw = { ...hello, previous_response_id: 'resp_upstream1' }
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: raw })).status, 404)
    assert.equal(model.heard.length, before)
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: chained })).status, 200)
    assert.equal(JSON.parse(model.heard.at(-1)?.body ?? '').previous_response_id, 'resp_upstream1')
    const bent = `${body.id.slice(0, -2)}${body.id.endsWith('AA') ? 'BB' : 'AA'}`
    assert.equal((await freddy.ask(`GET /v1/responses/${bent}`, { token })).status, 404)
  },
)

modelScene(
  'a stream passes untouched but for its id, and tells its usage to the meter',
  async (freddy, model, token) => {
    const delta =
      'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a \\"resp_upstream1\\""}\n\n'
    model.behave((answer) => {
      beginEvents(answer)
      answer.write(event({ type: 'response.created', response: { id: 'resp_upstream1' } }))
      answer.write(delta.slice(0, 30))
      setTimeout(() => {
        answer.write(delta.slice(30))
        answer.end(event({ type: 'response.completed', response: response('a') }))
      }, 20)
    })
    const answer = await freddy.ask('POST /v1/responses', {
      token,
      body: { ...hello, stream: true },
    })
    assert.equal(answer.headers['x-accel-buffering'], 'no')
    assert.ok(answer.text.includes(delta))
    assert.equal(answer.text.includes('"id":"resp_upstream1"'), false)
    const ids = new Set(answer.text.match(/"id":"resp_[\w-]+"/g))
    assert.equal(ids.size, 1)
    assert.deepEqual(await booked(freddy), [5])
  },
)

modelScene(
  'a chat stream is metered, and its caller sees no chunk he did not ask for',
  async (freddy, model, token) => {
    model.behave((answer) => {
      beginEvents(answer)
      answer.write(event({ choices: [{ delta: { content: 'Hi' } }], usage: null }))
      answer.end(
        `${event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 4 } })}data: [DONE]\n\n`,
      )
    })
    const answer = await freddy.ask('POST /v1/chat/completions', {
      token,
      body: { ...hello, stream: true },
    })
    assert.deepEqual(JSON.parse(model.heard[0]?.body ?? '').stream_options, { include_usage: true })
    assert.equal(answer.text.includes('prompt_tokens'), false)
    assert.ok(answer.text.endsWith('data: [DONE]\n\n'))
    assert.deepEqual(await booked(freddy), [11])
  },
)

modelScene('a model server that lies about usage is not believed', async (freddy, model, token) => {
  for (const usage of [
    { input_tokens: -5, output_tokens: 1 },
    { input_tokens: '9', output_tokens: 1 },
    7,
    null,
  ]) {
    model.behave((answer) => json(answer, response('Hi', usage)))
    await freddy.ask('POST /v1/responses', { token, body: hello })
  }
  const counts = await booked(freddy)
  assert.equal(counts.length, 4)
  assert.ok(counts.every((count) => count > 20))
})

modelScene(
  'what the model server refuses is told without its words about the operator',
  async (freddy, model, token) => {
    const ask = async (status: number, error: object, headers: Record<string, string> = {}) => {
      model.behave((answer) => {
        answer.writeHead(status, { 'content-type': 'application/json', ...headers })
        answer.end(JSON.stringify({ error }))
      })
      return freddy.ask('POST /v1/responses', { token, body: hello })
    }
    const bad = await ask(400, {
      type: 'invalid_request_error',
      message: 'temperature: too hot for sk-ours-key',
      param: 'temperature',
    })
    assert.equal(bad.status, 400)
    assert.equal(bad.body.error.code, 'MODEL_REFUSED')
    assert.equal(bad.body.error.param, 'temperature')
    assert.equal(bad.body.error.system_message, 'temperature: too hot for …')
    const busy = await ask(429, { message: 'org-secret is out of quota' }, { 'retry-after': '7' })
    assert.equal(busy.status, 429)
    assert.equal(busy.headers['retry-after'], '7')
    const key = await ask(401, { message: 'Incorrect API key sk-ours' })
    assert.equal(key.status, 502)
    assert.equal(key.body.error.code, 'UPSTREAM_ERROR')
    assert.equal(
      `${busy.text}${key.text}`.includes('sk-ours') || busy.text.includes('secret'),
      false,
    )
    const moved = await ask(302, {}, { location: 'http://169.254.169.254/' })
    assert.equal(moved.status, 502)
    assert.equal(model.heard.length, 4)
  },
)

modelScene('nobody says by a stream option what a stream costs', async (freddy, model, token) => {
  model.behave((answer) => {
    beginEvents(answer)
    answer.end(event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 400 } }))
  })
  const silent = [{ include_usage: false, other: 1 }, {}, null, []]
  for (const stream_options of silent) {
    const body = { ...hello, stream: true, stream_options }
    const answer = await freddy.ask('POST /v1/chat/completions', { token, body })
    assert.equal(answer.text.includes('prompt_tokens'), false)
  }
  const heard = model.heard.map(({ body }) => JSON.parse(body).stream_options)
  assert.deepEqual(heard[0], { include_usage: true, other: 1 })
  assert.deepEqual(
    heard.slice(1),
    [1, 2, 3].map(() => ({ include_usage: true })),
  )
  assert.deepEqual(
    await booked(freddy),
    silent.map(() => 407),
  )
})

modelScene(
  'two people with one idempotency key ask two questions',
  async (freddy, model, token) => {
    model.behave((answer) => json(answer, response('Hi')))
    const other = await freddy.signIn(await freddy.person('grace'))
    const headers = { 'idempotency-key': 'order-1' }
    for (const each of [token, token, other.token]) {
      await freddy.ask('POST /v1/responses', { token: each, body: hello, headers })
    }
    const [mine, again, theirs] = model.heard.map((heard) => heard.headers['idempotency-key'])
    assert.ok(mine)
    assert.equal(again, mine)
    assert.notEqual(theirs, mine)
  },
)

modelScene(
  'attack 105: large bodies of one person are five at once, and nobody else waits for them',
  async (freddy, model, token) => {
    const waiting: (() => void)[] = []
    const late = AbortSignal.timeout(10_000)
    model.behave((answer, { body }) => {
      if (body.length < 1000) return json(answer, response('Hi'))
      waiting.push(() => json(answer, response('Hi')))
    })
    const { http } = freddy.running
    await http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = http.server.address() as { port: number }
    const ask = (bearer: string, input: string) =>
      fetch(`http://127.0.0.1:${port}/v1/responses`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'any', input }),
        signal: late,
      })
    const held = async (count: number) => {
      while (waiting.length < count && !late.aborted) await nextTurn()
      assert.equal(waiting.length, count)
    }
    const large = 'x'.repeat(1_150_000)
    const first = [1, 2, 3, 4, 5].map(() => ask(token, large))
    await held(5)
    const refused = await ask(token, large)
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal((await ask(token, 'Hello')).status, 200)
    const other = await freddy.signIn(await freddy.person('grace'))
    const theirs = ask(other.token, large)
    await held(6)
    for (const answer of waiting) answer()
    for (const answer of [...first, theirs]) assert.equal((await answer).status, 200)
    const again = ask(token, large)
    await held(7)
    waiting[6]?.()
    assert.equal((await again).status, 200)
  },
  { MAX_REQUEST_BYTES: '1200000' },
)
