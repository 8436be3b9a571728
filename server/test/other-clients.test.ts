import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createOpenAI, type OpenAIProvider } from '@ai-sdk/openai'
import { DynamicStructuredTool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import {
  APICallError,
  embedMany,
  generateText,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
} from 'ai'
import { type Freddy, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'
import { booked, type Heard, json, response, startModelServer } from './model-server.ts'

/** Clients that people have, with nothing but another address and a key of ours. */
interface Place {
  readonly baseURL: string
  readonly apiKey: string
}

async function placeOf(freddy: Freddy): Promise<Place> {
  await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = freddy.running.http.server.address() as AddressInfo
  const ada = await keyOwner(freddy)
  return { baseURL: `http://127.0.0.1:${port}/v1`, apiKey: (await ada.make()).body.key }
}

scene("Vercel's AI SDK asks, streams and embeds in every shape", async (freddy) => {
  const place = await placeOf(freddy)
  const openai = createOpenAI(place)
  const prompt = 'Hello dear world'
  for (const model of [openai('x'), openai.chat('x')]) {
    const { text, usage } = await generateText({ model, prompt })
    assert.deepEqual([text, usage.inputTokens, usage.outputTokens], [prompt, 4, 4])
    const parts: string[] = []
    const stream = streamText({ model, prompt })
    for await (const part of stream.textStream) parts.push(part)
    assert.deepEqual([parts.join(''), parts.length], [prompt, 3])
    assert.equal((await stream.usage).totalTokens, 8)
  }
  const model = openai.embedding('x')
  const { embeddings } = await embedMany({ model, values: ['a', 'b'] })
  assert.equal(embeddings.length, 2)
  assert.notDeepEqual(embeddings[0], embeddings[1])
  assert.equal((await booked(freddy)).length, 5)

  const stranger = createOpenAI({ ...place, apiKey: `ak_${'0'.repeat(38)}` })
  await assert.rejects(generateText({ model: stranger('x'), prompt }), (error) => {
    assert.ok(APICallError.isInstance(error))
    assert.deepEqual([error.statusCode, error.message], [401, 'The API key is not valid'])
    return true
  })
})

scene("LangChain's client asks, streams and embeds", async (freddy) => {
  const { baseURL, apiKey } = await placeOf(freddy)
  const fields = { model: 'x', apiKey, configuration: { baseURL }, maxRetries: 0 }
  for (const useResponsesApi of [false, true]) {
    const chat = new ChatOpenAI({ ...fields, useResponsesApi })
    const said = await chat.invoke('Hello dear world')
    assert.equal(said.text, 'Hello dear world')
    let heard = ''
    for await (const part of await chat.stream('Hello dear world')) heard += part.text
    assert.equal(heard, 'Hello dear world')
  }
  const embeddings = new OpenAIEmbeddings(fields)
  const [first, second] = await embeddings.embedDocuments(['a', 'b'])
  assert.ok(first && second)
  assert.notDeepEqual(first, second)
  assert.deepEqual((await booked(freddy)).sort(), [2, 8, 8, 8, 8])
  const stranger = new ChatOpenAI({ ...fields, apiKey: `ak_${'0'.repeat(38)}` })
  await assert.rejects(stranger.invoke('Hello'), { status: 401, code: 'INVALID_API_KEY' })
})

/** Asks for the weather once, and says what it heard of it. */
function weatherModel({ path, body }: Heard): unknown {
  const args = JSON.stringify({ city: 'Graz' })
  const isTold = body.includes('27 degrees')
  if (path.endsWith('/responses')) {
    const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'weather' }
    const asking = { ...response(''), output: [{ ...call, arguments: args, status: 'completed' }] }
    return isTold ? response('It is warm') : asking
  }
  const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: args } }
  const message = isTold
    ? { role: 'assistant', content: 'It is warm' }
    : { role: 'assistant', content: null, tool_calls: [call] }
  const choice = { index: 0, message, finish_reason: isTold ? 'stop' : 'tool_calls' }
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  return {
    id: 'chatcmpl_1',
    object: 'chat.completion',
    created: 1,
    model: 'x',
    choices: [choice],
    usage,
  }
}

const weather = {
  description: 'The weather of a city',
  schema: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
} as const

scene(
  'a tool is called through the gateway, by either client and in either shape',
  async (freddy, context) => {
    const model = await startModelServer()
    context.after(() => model.close())
    model.behave((answer, heard) => json(answer, weatherModel(heard)))
    const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
    Object.assign(freddy.running.app.models, { standard: upstream, upstreams: [upstream] })
    const place = await placeOf(freddy)
    const openai = createOpenAI(place)
    for (const shape of [openai('x'), openai.chat('x')]) {
      assert.deepEqual(await byVercel(shape), ['It is warm', 'Graz'])
    }
    for (const useResponsesApi of [false, true]) {
      assert.deepEqual(await byLangChain(place, useResponsesApi), ['It is warm', 'Graz'])
    }
    assert.deepEqual(
      await booked(freddy),
      Array.from({ length: 8 }, () => 5),
    )
    const paths = new Set(model.heard.map(({ path }) => path))
    assert.deepEqual([...paths].sort(), ['/v1/chat/completions', '/v1/responses'])
  },
  { env: { UPSTREAM_ALLOW: '127.0.0.0/8' } },
)

async function byVercel(model: ReturnType<OpenAIProvider>): Promise<(string | undefined)[]> {
  let asked: string | undefined
  const tools = {
    weather: tool({
      description: weather.description,
      inputSchema: jsonSchema<{ city: string }>(weather.schema),
      execute: async ({ city }) => {
        asked = city
        return '27 degrees'
      },
    }),
  }
  const stopWhen = stepCountIs(3)
  const { text } = await generateText({ model, tools, stopWhen, prompt: 'Is it warm in Graz?' })
  return [text, asked]
}

async function byLangChain({ baseURL, apiKey }: Place, useResponsesApi: boolean) {
  let asked: string | undefined
  const look = new DynamicStructuredTool({
    name: 'weather',
    ...weather,
    func: async ({ city }: { city: string }) => {
      asked = city
      return '27 degrees'
    },
  })
  const configuration = { baseURL }
  const chat = new ChatOpenAI({ model: 'x', apiKey, configuration, useResponsesApi, maxRetries: 0 })
  const bound = chat.bindTools([look])
  const first = await bound.invoke('Is it warm in Graz?')
  const [call] = first.tool_calls ?? []
  assert.ok(call)
  const told = await look.invoke({ ...call, type: 'tool_call' })
  const { text } = await bound.invoke([
    { role: 'user', content: 'Is it warm in Graz?' },
    first,
    told,
  ])
  return [text, asked]
}
