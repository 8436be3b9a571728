import type { ResponseEvent } from './answers.ts'
import type { CallOptions, Client } from './client.ts'
import { ConnectionError, StreamCutError, TimeoutError } from './errors.ts'
import { eventsOf } from './events.ts'
import { errorOfEvent } from './refusal.ts'
import { type Answer, within } from './transport.ts'

/** After one of these nothing more is to come. */
const ends = ['response.completed', 'response.incomplete', 'response.failed', 'response.cancelled']

/** How long a model may take for an answer in one piece. */
export const MODEL_MS = 600_000
/** The longest that a stream may be silent: the server sends a sign of life every 15 seconds. */
const SILENCE_MS = 60_000

/**
 * The events of an answer that streams. A stream that ends before its last event is an error, so that half an answer
 * is never taken for a whole one. Leaving the loop leaves the call.
 */
export async function* streamResponse(
  client: Client,
  body: object,
  options: CallOptions,
): AsyncGenerator<ResponseEvent> {
  const line = 'POST /responses'
  const timing = { standardMs: SILENCE_MS, ...options }
  const whole = { ...body, stream: true }
  const answer = await client.answer({ ...timing, line, body: whole, streams: true })
  try {
    yield* readEvents(answer, client.patience(timing))
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw cause
  } finally {
    answer.leave()
  }
}

async function* readEvents(answer: Answer, silenceMs: number): AsyncGenerator<ResponseEvent> {
  let ended = false
  for await (const text of eventsOf(chunksOf(answer, silenceMs))) {
    if (text === '[DONE]') return
    const event = parse(text)
    if (event.type === 'error') throw errorOfEvent(event, answer.headers.get('x-request-id'))
    ended ||= ends.includes(event.type)
    yield event
  }
  if (!ended) throw new StreamCutError('The answer ended before it was whole')
}

function parse(text: string): ResponseEvent {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConnectionError('The answer is not from a Freddy Auth server', { cause })
  }
}

async function* chunksOf({ body }: Answer, silenceMs: number): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  for (;;) {
    const next = await within(silenceMs, 'The stream', reader?.read() ?? done).catch(toCut)
    if (next.done) return
    yield next.value
  }
}

const done = Promise.resolve({ done: true, value: undefined } as const)

function toCut(cause: unknown): never {
  if (cause instanceof TimeoutError) throw cause
  throw new StreamCutError('The connection broke before the answer was whole', { cause })
}
