import { createHmac } from 'node:crypto'
import { requireModel } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Model, Upstream } from '../models-file.ts'
import { editJson, type JsonEdit } from '../wire/json-edit.ts'
import { EVENT_HEADERS, JSON_HEADERS, Streamed } from '../wire/streamed.ts'
import { ECHO_MODEL } from './echo.ts'
import { bookAnswer, type Meter, openMeter } from './meter.ts'
import { type Relay, relayEvents } from './relay.ts'
import { openResponseId, sealResponseId } from './response-id.ts'
import type { UpstreamAnswer } from './upstream.ts'
import { refusalOf } from './upstream-refusal.ts'
import { estimateUsage, member, mostOutput, readUsage, tokensOfBytes, type Usage } from './usage.ts'

const MOST_PLAIN_BYTES = 64 * 1024 * 1024

type AnyCall = Call<unknown, unknown, unknown>

/** A body as the gateway reads it: everything else in it is for the model server. */
interface Asked {
  readonly model: string
  readonly stream?: boolean | null
  readonly previous_response_id?: string | null
}

/** Who answers for a model; null when the built-in one does. 403 for a model that the caller's key is not for. */
export function modelFor({ app, principal }: AnyCall, name: string): Model | null {
  requireModel(principal, name)
  const { models, standard } = app.models
  const listed = models.find((model) => model.name === name)
  if (listed) return listed
  const free = { name, upstreamModel: name, inputPrice: null, outputPrice: null, context: null }
  if (standard) return { ...free, upstream: standard }
  if (models.length === 0) return null
  throw new ApiError('RESOURCE_NOT_FOUND', {
    param: 'model',
    details: { reason: 'There is no model of that name' },
  })
}

/** The built-in model costs nothing, but its tokens count. */
export async function meterEcho(call: AnyCall, usage: Usage): Promise<void> {
  const free = { name: ECHO_MODEL, inputPrice: null, outputPrice: null }
  const meter = await openMeter(call, free, usage)
  meter.settle(usage)
}

/** Sends the caller's own bytes to the model's server and its answer back, plain or as it comes. */
export async function forward(
  call: Call<Asked, unknown, unknown>,
  model: Model,
  path: '/responses' | '/chat/completions' | '/embeddings',
  rename: Readonly<Record<string, string>> = {},
): Promise<Streamed> {
  const { app, body, carried, requestId } = call
  const streamed = body.stream === true
  const asksUsage = path === '/chat/completions' && streamed && !('stream_options' in body)
  const bytes = prepare(call, model, rename, asksUsage)
  const expected = estimateUsage(bytes.length, 0)
  const most = { ...expected, outputTokens: mostOutput(body, model.context) }
  const meter = await openMeter(call, model, most)
  const pending = app.upstreams.ask({
    upstream: model.upstream,
    method: 'POST',
    path,
    headers: headersFor(call, model.upstream, streamed),
    body: bytes,
    streamed,
    left: carried.left,
  })
  if (!streamed) return plainAnswer(call, model.upstream, pending, { meter, expected, path })
  const relay: Relay = {
    meter,
    expected,
    hidesUsage: asksUsage,
    keepAliveMs: app.config.upstreamTimes.keepalive,
    idOf: (id) => sealed(call, model.upstream, id),
    requestId,
  }
  // An early refusal still has its own status; later, the stream has begun and the refusal is its last event.
  const begun = await settledWithin(pending, relay.keepAliveMs)
  if (!begun) {
    const late = pending.then(requireFine)
    late.catch(() => {})
    return new Streamed(relayEvents(relay, late), EVENT_HEADERS)
  }
  try {
    const answer = await requireFine(await pending)
    return new Streamed(relayEvents(relay, Promise.resolve(answer)), EVENT_HEADERS)
  } catch (cause) {
    meter.release()
    throw cause
  }
}

/** A call about a response that is kept at its model server. */
export async function askAbout(
  call: AnyCall,
  responseId: string,
  { method, action = '' }: { method: 'GET' | 'POST' | 'DELETE'; action?: string },
): Promise<Streamed> {
  const place = openResponseId(call.app, userOf(call), responseId)
  const upstream = call.app.models.upstreams.find(({ name }) => name === place.upstream)
  if (!upstream) throw new ApiError('RESOURCE_NOT_FOUND')
  const answer = await call.app.upstreams.ask({
    upstream,
    method,
    path: `/responses/${encodeURIComponent(place.id)}${action}`,
    headers: headersFor(call, upstream, false),
    streamed: false,
    left: call.carried.left,
  })
  const { bytes, value } = await readPlain(await requireFine(answer))
  return jsonOf(bytes, { set: idEdit(call, upstream, value) })
}

async function plainAnswer(
  call: AnyCall,
  upstream: Upstream,
  pending: Promise<UpstreamAnswer>,
  about: { meter: Meter; expected: Usage; path: string },
): Promise<Streamed> {
  const { meter, expected, path } = about
  try {
    const { bytes, value } = await readPlain(await requireFine(await pending))
    const guessed = { ...expected, outputTokens: tokensOfBytes(bytes.length) }
    bookAnswer(meter, readUsage(value), guessed)
    if (path !== '/responses') return jsonOf(bytes, {})
    const missesText = member(value, 'output_text') === undefined
    const add = missesText ? { output_text: JSON.stringify(outputText(value)) } : {}
    return jsonOf(bytes, { set: idEdit(call, upstream, value), add })
  } finally {
    meter.release()
  }
}

/** The body as its model server wants it: the same bytes but for what is named otherwise there. */
function prepare(
  call: Call<Asked, unknown, unknown>,
  model: Model,
  rename: Readonly<Record<string, string>>,
  asksUsage: boolean,
): Buffer {
  const { app, body, carried } = call
  const set: Record<string, string> = {}
  if (model.upstreamModel !== body.model) set.model = JSON.stringify(model.upstreamModel)
  if (typeof body.previous_response_id === 'string') {
    const place = openResponseId(app, userOf(call), body.previous_response_id)
    if (place.upstream !== model.upstream.name) throw new ApiError('RESOURCE_NOT_FOUND')
    set.previous_response_id = JSON.stringify(place.id)
  }
  const add: Record<string, string> = asksUsage ? { stream_options: '{"include_usage":true}' } : {}
  const changes = [set, rename, add].some((part) => Object.keys(part).length > 0)
  return changes ? editJson(carried.bytes, { set, rename, add }) : carried.bytes
}

/** An allow list (security rule 26): nothing of the caller's credentials, cookies or connection gets through. */
function headersFor(
  call: AnyCall,
  { apiKey }: Upstream,
  streamed: boolean,
): Record<string, string> {
  const { carried, now, requestId } = call
  const headers: Record<string, string> = {
    accept: streamed ? 'text/event-stream' : 'application/json',
    'content-type': 'application/json',
    'user-agent': 'freddy-auth',
    'x-request-id': requestId,
  }
  for (const name of ['openai-beta', 'idempotency-key', 'traceparent']) {
    const value = carried.headers[name]
    if (typeof value === 'string' && value.length <= 512) headers[name] = value
  }
  if (!apiKey) return headers
  const user = `${userOf(call)};t=${Math.floor(now / 1000)}`
  const mac = createHmac('sha256', apiKey).update(user).digest('hex')
  return { ...headers, authorization: `Bearer ${apiKey}`, 'x-freddy-user': `${user};v1=${mac}` }
}

async function requireFine(answer: UpstreamAnswer): Promise<UpstreamAnswer> {
  if (answer.status >= 200 && answer.status < 300) return answer
  throw await refusalOf(answer)
}

async function readPlain({ body }: UpstreamAnswer): Promise<{ bytes: Buffer; value: unknown }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MOST_PLAIN_BYTES) throw new ApiError('UPSTREAM_ERROR')
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (typeof value === 'object' && value !== null) return { bytes, value }
  } catch (cause) {
    throw new ApiError('UPSTREAM_ERROR', { cause: new Error('The answer is not JSON', { cause }) })
  }
  throw new ApiError('UPSTREAM_ERROR')
}

const jsonOf = (bytes: Buffer, edit: JsonEdit) => new Streamed(editJson(bytes, edit), JSON_HEADERS)

/** Ids of a model server mean nothing to our callers, and must not: they get sealed ones. */
function idEdit(call: AnyCall, upstream: Upstream, value: unknown): Record<string, string> {
  const entries = ['id', 'previous_response_id'].flatMap((name) => {
    const id = member(value, name)
    return typeof id === 'string' ? [[name, JSON.stringify(sealed(call, upstream, id))]] : []
  })
  return Object.fromEntries(entries)
}

const sealed = (call: AnyCall, upstream: Upstream, id: string) =>
  sealResponseId(call.app, userOf(call), { upstream: upstream.name, id })

/** The founding page reads `output_text`; most model servers leave it to their clients. */
function outputText(value: unknown): string {
  const output = member(value, 'output')
  const items = Array.isArray(output) ? output : []
  const parts = items.flatMap((item) => member(item, 'content') ?? [])
  return parts
    .filter((part) => member(part, 'type') === 'output_text')
    .map((part) => String(member(part, 'text') ?? ''))
    .join('')
}

export function userOf({ principal }: AnyCall): string {
  if (!principal) throw new ApiError('AUTHENTICATION_REQUIRED')
  return principal.userId
}

async function settledWithin(pending: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  const ended = pending.then(
    () => true,
    () => true,
  )
  const first = await Promise.race([ended, late])
  clearTimeout(timer)
  return first
}
