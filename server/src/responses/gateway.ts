import { createHmac } from 'node:crypto'
import { keyedHash } from '../auth/keyring.ts'
import { requireModel, userOf } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Model, Upstream } from '../models-file.ts'
import { type Soon, whenHere } from '../soon.ts'
import { editJson } from '../wire/json-edit.ts'
import type { Streamed } from '../wire/streamed.ts'
import { idEdit, jsonOf, plainAnswer, readPlain, requireFine, streamedAnswer } from './answers.ts'
import { watchCaller } from './caller-watch.ts'
import { ECHO_MODEL } from './echo.ts'
import { noteRefusal, spenderOf } from './ledger.ts'
import { openMeter } from './meter.ts'
import { openResponseId } from './response-id.ts'
import {
  type AskPath,
  asksBackground,
  estimateUsage,
  member,
  mostInput,
  mostOutput,
  type Usage,
} from './usage.ts'

type AnyCall = Call<unknown, unknown, unknown>

/** A body as the gateway reads it: everything else in it is for the model server. */
interface Asked {
  readonly model: string
  readonly stream?: boolean | null
  readonly previous_response_id?: string | null
}

/** Who answers for a model; null when the built-in one does. 403 for a model that the caller's key is not for. */
export function modelFor(call: AnyCall, name: string): Model | null {
  requireOwnModel(call, name)
  const { models, standard } = call.app.models
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

/** The refusal is noted, so that its person is told why. */
function requireOwnModel(call: AnyCall, model: string): void {
  const { app, principal, now } = call
  try {
    requireModel(principal, model)
  } catch (cause) {
    const most = { inputTokens: 0, outputTokens: 0, money: 0 }
    noteRefusal(app, { ...spenderOf(call), model, most }, 'model', now)
    throw cause
  }
}

/** The built-in model costs nothing, but its tokens count. */
export function meterEcho(call: AnyCall, usage: Usage): Soon<void> {
  return whenHere(openMeter(call, free, usage), (meter) => meter.settle(usage))
}

const free = { name: ECHO_MODEL, inputPrice: null, outputPrice: null }

/** Sends the caller's own bytes to the model's server and its answer back, plain or as it comes. */
export async function forward(
  call: Call<Asked, unknown, unknown>,
  model: Model,
  path: AskPath,
  rename: Readonly<Record<string, string>> = {},
): Promise<Streamed> {
  const { app, body } = call
  const streamed = body.stream === true
  // Who could tell the model server to be silent would say what they owe.
  const asksUsage = path === '/chat/completions' && streamed && !wantsUsage(body)
  const bytes = prepare(call, model, rename, asksUsage)
  const expected = estimateUsage(bytes.length, 0)
  const most = {
    inputTokens: mostInput(bytes, model.context),
    outputTokens: mostOutput(path, body, model.context),
  }
  const meter = await openMeter(call, model, most)
  const caller = watchCaller(call)
  const inBackground = asksBackground(path, body)
  const owed = { meter, expected, most, inBackground, caller, sent: false }
  const pending = app.upstreams.ask({
    upstream: model.upstream,
    method: 'POST',
    path,
    headers: headersFor(call, model.upstream, streamed),
    body: bytes,
    streamed,
    left: caller.signal,
    sent: () => {
      owed.sent = true
    },
  })
  if (!streamed) return plainAnswer(call, model.upstream, pending, owed, path)
  return streamedAnswer(call, model.upstream, pending, owed, asksUsage)
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
    left: call.carried.left(),
  })
  const { bytes, value } = await readPlain(await requireFine(answer))
  return jsonOf(bytes, { set: idEdit(call, upstream, value) })
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
  const add: Record<string, string> = {}
  if (asksUsage) {
    const place = 'stream_options' in body ? set : add
    place.stream_options = JSON.stringify({ ...optionsOf(body), include_usage: true })
  }
  const changes = [set, rename, add].some((part) => Object.keys(part).length > 0)
  return changes ? editJson(carried.bytes, { set, rename, add }) : carried.bytes
}

const keysOf = ({ app }: AnyCall) => app.keyring.current.of.response

const wantsUsage = (body: unknown) => member(optionsOf(body), 'include_usage') === true

function optionsOf(body: unknown): object {
  const options = member(body, 'stream_options')
  return typeof options === 'object' && options !== null && !Array.isArray(options) ? options : {}
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
  const repeated = headers['idempotency-key']
  // To the model server all callers are one: a word that two of them chose would give one the other's answer.
  if (repeated) headers['idempotency-key'] = keyedHash(keysOf(call), userOf(call), repeated)
  if (!apiKey) return headers
  const user = `${userOf(call)};t=${Math.floor(now / 1000)}`
  const mac = createHmac('sha256', apiKey).update(user).digest('hex')
  return { ...headers, authorization: `Bearer ${apiKey}`, 'x-freddy-user': `${user};v1=${mac}` }
}
