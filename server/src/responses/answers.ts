import { userOf } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Upstream } from '../models-file.ts'
import { editJson, type JsonEdit } from '../wire/json-edit.ts'
import { EVENT_HEADERS, JSON_HEADERS, Streamed } from '../wire/streamed.ts'
import type { CallerWatch } from './caller-watch.ts'
import { bookAnswer, type Meter } from './meter.ts'
import { bookStream, newSeen, type Relay, relayEvents } from './relay.ts'
import { sealResponseId } from './response-id.ts'
import type { UpstreamAnswer } from './upstream.ts'
import { refusalOf } from './upstream-refusal.ts'
import { type AskPath, isUnderWay, member, readUsage, tokensOfBytes, type Usage } from './usage.ts'

const MOST_PLAIN_BYTES = 64 * 1024 * 1024

type AnyCall = Call<unknown, unknown, unknown>

/** What a call may come to be owed for, while it runs. */
export interface Owed {
  readonly meter: Meter
  /** What is owed when the model server tells no usage. */
  readonly expected: Usage
  readonly most: Usage
  /** Whether the model server goes on to the end of a stream that nobody reads. */
  readonly inBackground: boolean
  readonly caller: CallerWatch
  /** Whether the question went out. */
  sent: boolean
}

/** A model server that is left alone goes on to its end: who leaves a plain call owes the most that it can be. */
export async function plainAnswer(
  call: AnyCall,
  upstream: Upstream,
  pending: Promise<UpstreamAnswer>,
  owed: Owed,
  path: AskPath,
): Promise<Streamed> {
  const { meter, expected, most, caller } = owed
  try {
    const { bytes, value } = await readPlain(await requireFine(await pending))
    const said = path === '/embeddings' ? 0 : tokensOfBytes(bytes.length)
    const guessed = { ...expected, outputTokens: said }
    // The caller reads the rest of it later, where nothing is metered.
    if (isUnderWay(value)) meter.estimate(most)
    bookAnswer(meter, readUsage(value), guessed)
    if (path !== '/responses') return jsonOf(bytes, {})
    const missesText = member(value, 'output_text') === undefined
    const add = missesText ? { output_text: JSON.stringify(outputText(value)) } : {}
    return jsonOf(bytes, { set: idEdit(call, upstream, value), add })
  } catch (cause) {
    if (owed.sent && caller.signal.aborted) meter.estimate(most)
    meter.release(codeOf(cause))
    throw cause
  } finally {
    caller.end()
  }
}

const codeOf = (cause: unknown) => (cause instanceof ApiError ? cause.code : 'INTERNAL_ERROR')

export async function streamedAnswer(
  call: AnyCall,
  upstream: Upstream,
  pending: Promise<UpstreamAnswer>,
  owed: Owed,
  hidesUsage: boolean,
): Promise<Streamed> {
  const { meter, expected, most, inBackground, caller } = owed
  const relay: Relay = {
    meter,
    expected,
    most,
    inBackground,
    seen: newSeen(),
    hidesUsage,
    keepAliveMs: call.app.config.upstreamTimes.keepalive,
    idOf: (id) => sealed(call, upstream, id),
    requestId: call.requestId,
    isOwed: () => owed.sent && caller.signal.aborted,
    over: caller.end,
  }
  // Whoever goes before the first byte is read, goes without a reader that could book it.
  caller.signal.addEventListener('abort', () => bookStream(relay, 'left'), { once: true })
  // An early refusal still has its own status; later, the stream has begun and the refusal is its last event.
  const begun = await settledWithin(pending, relay.keepAliveMs)
  const fine = pending.then(requireFine)
  fine.catch(() => {})
  if (!begun) return new Streamed(relayEvents(relay, fine), EVENT_HEADERS)
  try {
    const answer = await fine
    return new Streamed(relayEvents(relay, Promise.resolve(answer)), EVENT_HEADERS)
  } catch (cause) {
    caller.end()
    bookStream(relay, codeOf(cause))
    throw cause
  }
}

export async function requireFine(answer: UpstreamAnswer): Promise<UpstreamAnswer> {
  if (answer.status >= 200 && answer.status < 300) return answer
  throw await refusalOf(answer)
}

export async function readPlain({
  body,
}: UpstreamAnswer): Promise<{ bytes: Buffer; value: unknown }> {
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

export const jsonOf = (bytes: Buffer, edit: JsonEdit) =>
  new Streamed(editJson(bytes, edit), JSON_HEADERS)

/** Ids of a model server mean nothing to our callers, and must not: they get sealed ones. */
export function idEdit(call: AnyCall, upstream: Upstream, value: unknown): Record<string, string> {
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
