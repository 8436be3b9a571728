import { ApiError } from '../errors.ts'
import { sseEvent } from '../wire/streamed.ts'
import { eventBlocks } from './event-blocks.ts'
import { bookAnswer, type Meter } from './meter.ts'
import type { UpstreamAnswer } from './upstream.ts'
import { isUnderWay, member, readUsage, type Usage } from './usage.ts'

/** What a stream needs on its way through. */
export interface Relay {
  readonly meter: Meter
  /** What is owed when the model server tells no usage. */
  readonly expected: Usage
  readonly most: Usage
  /** Whether its model server goes on to the end when nobody reads any more. */
  readonly inBackground: boolean
  readonly seen: Seen
  /** We asked for the usage, the caller did not: its chunk stays here. */
  readonly hidesUsage: boolean
  readonly keepAliveMs: number
  /** The name on our wire of a response that the model server named. */
  readonly idOf: (upstreamId: string) => string
  readonly requestId: string
  /** Whether the question went out and its caller then left, or was shut out. */
  isOwed(): boolean
  /** Called when nobody waits any more. */
  over(): void
}

const KEEP_ALIVE = ': keepalive\n\n'

/** A model server's events for the caller: bytes untouched but for ids; a break is told and never looks like an end. */
export async function* relayEvents(
  relay: Relay,
  answer: Promise<UpstreamAnswer>,
): AsyncGenerator<Buffer | string> {
  let failure = 'UPSTREAM_ERROR'
  try {
    yield* withKeepAlive(rewritten(relay, answer, relay.seen), relay.keepAliveMs)
  } catch (cause) {
    const error = cause instanceof ApiError ? cause : new ApiError('UPSTREAM_ERROR', { cause })
    failure = error.code
    yield brokenEvent(error, relay.requestId)
  } finally {
    relay.over()
    bookStream(relay, failure)
  }
}

/** Books a stream as far as it was seen: what it told, else an event for a token; of one that said nothing, only its caller's leaving is owed for. What goes on in the background may come to the most. */
export function bookStream(relay: Relay, failure: string): void {
  const { meter, expected, most, inBackground, seen, isOwed } = relay
  if (seen.events === 0 && !isOwed()) meter.release(failure)
  if (inBackground && !seen.isDone) meter.estimate(most)
  bookAnswer(meter, seen.usage, { ...expected, outputTokens: seen.events })
}

/** What went by. */
interface Seen {
  usage: Usage | null
  events: number
  /** Whether the model server said that the response is made, or never will be. */
  isDone: boolean
  readonly ids: Map<string, string>
}

export const newSeen = (): Seen => ({ usage: null, events: 0, isDone: false, ids: new Map() })

async function* rewritten(
  relay: Relay,
  answer: Promise<UpstreamAnswer>,
  seen: Seen,
): AsyncGenerator<Buffer | string> {
  const { body, contentType } = await answer
  if (!contentType.startsWith('text/event-stream')) {
    await discard(body)
    throw new ApiError('UPSTREAM_ERROR')
  }
  for await (const blocks of eventBlocks(body)) {
    seen.events += count(blocks)
    // The bulk of a stream is deltas: nothing in them is ours to read.
    if (!blocks.includes('"usage"') && !blocks.includes('"response"')) yield named(blocks, seen)
    else yield* readBlocks(relay, blocks, seen)
  }
}

function* readBlocks(relay: Relay, blocks: Buffer, seen: Seen): Generator<Buffer | string> {
  const kept: string[] = []
  for (const block of blocks.toString('utf8').split(/(?<=\r?\n\r?\n)/)) {
    const value = valueIn(block)
    const usage = readUsage(value)
    if (usage) seen.usage = usage
    const response = member(value, 'response')
    learn(relay, response, seen)
    if (member(response, 'status') !== undefined) seen.isDone = !isUnderWay(response)
    const choices = member(value, 'choices')
    const isOnlyUsage = usage && Array.isArray(choices) && choices.length === 0
    if (!(relay.hidesUsage && isOnlyUsage)) kept.push(block)
  }
  if (kept.length > 0) yield named(Buffer.from(kept.join('')), seen)
}

/** From here on these ids are written as ours. */
function learn(relay: Relay, response: unknown, seen: Seen): void {
  for (const name of ['id', 'previous_response_id']) {
    const id = member(response, name)
    if (typeof id === 'string' && !seen.ids.has(id)) seen.ids.set(id, relay.idOf(id))
  }
}

/** A quote inside a JSON text is escaped, so an id between bare quotes is a value and no part of one. */
function named(blocks: Buffer, { ids }: Seen): Buffer | string {
  if (![...ids.keys()].some((id) => blocks.includes(id))) return blocks
  let text = blocks.toString('utf8')
  for (const [id, ours] of ids) text = text.replaceAll(`"${id}"`, `"${ours}"`)
  return text
}

function valueIn(block: string): unknown {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'))
  try {
    return JSON.parse(lines.map((line) => line.slice(5)).join('\n'))
  } catch {
    return null
  }
}

function count(blocks: Buffer): number {
  let events = 0
  for (let at = blocks.indexOf('data:'); at >= 0; at = blocks.indexOf('\ndata:', at + 1)) events++
  return events
}

/** A comment whenever nothing came for a while: proxies and clients close what is silent. */
async function* withKeepAlive<T>(
  source: AsyncGenerator<T>,
  ms: number,
): AsyncGenerator<T | string> {
  let next = source.next()
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, ms, null)
      })
      const first = await Promise.race([next, silence]).finally(() => clearTimeout(timer))
      if (first === null) {
        yield KEEP_ALIVE
        continue
      }
      if (first.done) return
      yield first.value
      next = source.next()
    }
  } finally {
    next.catch(() => {})
    await source.return(undefined).catch(() => {})
  }
}

/** The last event of a broken stream, in words that clients of either kind of stream take for an error. */
function brokenEvent({ code, message, status }: ApiError, requestId: string): string {
  const type = status === 401 ? 'authentication_error' : 'server_error'
  const inner = { code, message, type, status, param: null, trace_id: requestId }
  return sseEvent({ type: 'error', code, message, param: null, error: inner }, 'error')
}

async function discard(body: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of body) return
}
