import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { UpstreamTimes } from '../config-upstream.ts'
import type { Clock } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { Upstream } from '../models-file.ts'
import { type Breaker, createBreaker } from './breaker.ts'
import type { MayReach } from './upstream-address.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { createWatch, type Watch } from './upstream-watch.ts'

const RETRY_AFTER_MS = 200
/** A stream that goes on for ever is cut here. */
const MOST_STREAMED_BYTES = 256 * 1024 * 1024

export interface UpstreamAsk {
  readonly upstream: Upstream
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Behind the upstream's `/v1`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly streamed: boolean
  /** The caller went, or was shut out: the model server is left within the moment. */
  readonly left: AbortSignal
  /** Called when the question begins to go out: from here on it may cost. */
  readonly sent?: () => void
}

export interface UpstreamAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | null
  /** Throws UPSTREAM_TIMEOUT or UPSTREAM_ERROR when it does not end as it should. */
  readonly body: AsyncIterable<Buffer>
}

/** The model servers. Every way in which one can fail is an ApiError here. */
export interface Upstreams {
  ask(ask: UpstreamAsk): Promise<UpstreamAnswer>
  /** Calls under way. */
  readonly open: number
  /** Whether the server of this name keeps failing, so that it is left alone. */
  isFailing(name: string): boolean
  close(): Promise<void>
}

export function createUpstreams(parts: {
  times: UpstreamTimes
  mayReach: MayReach
  now: Clock
}): Upstreams {
  const { times, now } = parts
  let client: Promise<UpstreamClient> | undefined
  // Loaded by the first call: a server without model servers never needs it.
  const connected = () => {
    client ??= import('./upstream-client.ts').then(({ createUpstreamClient }) =>
      createUpstreamClient(parts.mayReach, times.connect),
    )
    return client
  }
  const breakers = new Map<string, Breaker>()
  let open = 0
  const breakerOf = (name: string) => {
    const breaker = breakers.get(name) ?? createBreaker()
    breakers.set(name, breaker)
    return breaker
  }
  return {
    get open() {
      return open
    },
    isFailing: (name) => breakers.get(name)?.isOpen ?? false,
    async ask(ask) {
      const breaker = breakerOf(ask.upstream.name)
      const waitMs = breaker.wait(now())
      if (waitMs > 0) throw tooMany('SERVICE_UNAVAILABLE', waitMs)
      open += 1
      const watch = createWatch(times, ask.left)
      // How it went is told once: the body of a refusal ends well, and is no good news.
      let failed = false
      const news = {
        good: () => {
          if (!failed) breaker.succeeded()
        },
        bad: () => {
          // Who leaves says nothing about the model server.
          if (!failed && !ask.left.aborted) breaker.failed(now())
          failed = true
        },
        over: once(() => {
          open -= 1
          watch.end()
        }),
      }
      // A body that nobody began to read ends here too.
      watch.signal.addEventListener('abort', news.over, { once: true })
      try {
        const answer = await askTwice(await connected(), ask, watch, times)
        if (answer.statusCode >= 500) news.bad()
        else if (!ask.streamed || answer.statusCode >= 400) news.good()
        return told(answer, timed(answer.body, watch, news))
      } catch (cause) {
        news.bad()
        news.over()
        throw asUpstreamError(cause)
      }
    },
    async close() {
      await (await client)?.close()
    },
  }
}

/** Again once, and only while nothing was heard: the server could not be reached, or said 503. */
async function askTwice(
  client: UpstreamClient,
  ask: UpstreamAsk,
  watch: Watch,
  times: UpstreamTimes,
): Promise<Dispatcher.ResponseData> {
  watch.expect(ask.streamed ? times.first : times.plain)
  try {
    const answer = await askOnce(client, ask, watch)
    if (answer.statusCode !== 503) return answer
    answer.body.on('error', () => {}).destroy()
  } catch (cause) {
    if (!unreached.has(codeOf(cause))) throw cause
  }
  await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
  watch.signal.throwIfAborted()
  return askOnce(client, ask, watch)
}

function askOnce(
  client: UpstreamClient,
  ask: UpstreamAsk,
  watch: Watch,
): Promise<Dispatcher.ResponseData> {
  const { upstream, method, path, headers, body } = ask
  return client.request(upstream.url + path, {
    method,
    headers: body ? { ...headers, 'content-length': String(body.length) } : headers,
    body: body ? Readable.from(goingOut(body, ask.sent)) : null,
    signal: watch.signal,
  })
}

/** Read when there is a connection, and not before. */
function* goingOut(body: Buffer, sent: UpstreamAsk['sent']): Generator<Buffer> {
  sent?.()
  yield body
}

const unreached = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

interface News {
  good(): void
  bad(): void
  over(): void
}

/** The bytes as they come. Reading less makes the model server wait; leaving ends its work. */
async function* timed(
  body: Dispatcher.ResponseData['body'],
  watch: Watch,
  news: News,
): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    watch.expect(watch.idleMs)
    for await (const chunk of body) {
      watch.rest()
      bytes += chunk.length
      if (bytes > MOST_STREAMED_BYTES) throw new ApiError('UPSTREAM_ERROR')
      yield chunk
      watch.expect(watch.idleMs)
    }
    news.good()
  } catch (cause) {
    if (!watch.signal.aborted || cause instanceof ApiError) news.bad()
    throw asUpstreamError(cause)
  } finally {
    body.on('error', () => {}).destroy()
    news.over()
  }
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

function told(answer: Dispatcher.ResponseData, body: AsyncIterable<Buffer>): UpstreamAnswer {
  const one = (name: string) => {
    const value = answer.headers[name]
    return typeof value === 'string' ? value : null
  }
  return {
    status: answer.statusCode,
    contentType: one('content-type') ?? '',
    retryAfter: one('retry-after'),
    body,
  }
}

function asUpstreamError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause
  const late = codeOf(cause) === 'UND_ERR_CONNECT_TIMEOUT'
  return new ApiError(late ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_ERROR', { cause })
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}
