import { ConnectionError, TimeoutError } from './errors.ts'
import { waitIn } from './refusal.ts'

/**
 * What may be sent again by itself: nothing (a step of signing in), what the server did not begin (429, 503), or also
 * what it may have done already, since twice is the same as once.
 */
export type Repeats = 'never' | 'when-turned-away' | 'always'

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly repeats: Repeats
  /** For one try, in milliseconds; for an answer that streams: the longest silence. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** The body of a good answer is left to whoever asked. */
  readonly streams?: true
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: ReadableStream<Uint8Array> | null
  /** Ends the call; an answer that streams is told that nobody reads on. */
  leave(reason?: Error): void
}

export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>

export interface TransportParts {
  readonly baseUrl: string
  readonly fetch: typeof fetch
  readonly wait: Wait
  /** Tries after the first one. */
  readonly retries: number
}

const MOST_WAIT_SECONDS = 60
const MOST_JITTER_MS = 1000
const FIRST_PAUSE_MS = 500

/** Sends one call, again where that is safe; answers whatever the server said. */
export async function send(
  parts: TransportParts,
  ask: Ask,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  for (let tried = 1; ; tried++) {
    const answer = await once(parts, ask, headers).catch((cause: unknown) => {
      if (cause instanceof ConnectionError) return cause
      throw cause
    })
    const pauseMs = tried > parts.retries ? null : pauseAfter(answer, ask.repeats, tried)
    if (pauseMs !== null) await parts.wait(pauseMs, ask.signal)
    else if (answer instanceof ConnectionError) throw answer
    else return answer
  }
}

/** Milliseconds until the next try; null when there is none. */
function pauseAfter(
  answer: Answer | ConnectionError,
  repeats: Repeats,
  tried: number,
): number | null {
  if (repeats === 'never') return null
  const backoff = Math.random() * FIRST_PAUSE_MS * 2 ** (tried - 1)
  if (answer instanceof ConnectionError) return repeats === 'always' ? backoff : null
  const turnedAway = answer.status === 429 || answer.status === 503
  const failed = repeats === 'always' && [408, 500, 502, 504].includes(answer.status)
  if (!turnedAway && !failed) return null
  const seconds = waitIn(answer.headers)
  if (seconds === null) return backoff
  return seconds > MOST_WAIT_SECONDS ? null : seconds * 1000 + Math.random() * MOST_JITTER_MS
}

async function once(
  { baseUrl, fetch }: TransportParts,
  ask: Ask,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { method, path, body, signal, timeoutMs } = ask
  const call = callUnder(signal)
  // Messages end up in logs, and an e-mail key may stand in a path: none is in them.
  const late = new TimeoutError(`No answer from ${baseUrl} within ${timeoutMs} ms`)
  const clock = setTimeout(() => call.leave(late), timeoutMs)
  try {
    const response = await fetch(baseUrl + path, {
      method,
      headers: { ...headers, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      // A credential is for one server; an API that moved is a mistake in the address.
      redirect: 'manual',
      signal: call.signal,
    })
    return await received(response, ask, call.leave)
  } catch (cause) {
    call.leave()
    signal?.throwIfAborted()
    if (call.signal.reason === late) throw late
    if (cause instanceof ConnectionError) throw cause
    throw new ConnectionError(`No answer from ${baseUrl}`, { cause })
  } finally {
    clearTimeout(clock)
  }
}

/** A call that can be left, by us or by whoever holds the signal. */
function callUnder(signal: AbortSignal | undefined) {
  signal?.throwIfAborted()
  const call = new AbortController()
  const follow = () => call.abort(signal?.reason)
  signal?.addEventListener('abort', follow, { once: true })
  const leave = (reason?: Error) => {
    signal?.removeEventListener('abort', follow)
    call.abort(reason)
  }
  return { signal: call.signal, leave }
}

async function received(
  response: Response,
  { streams }: Ask,
  leave: (reason?: Error) => void,
): Promise<Answer> {
  const { status, headers, type } = response
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    throw new ConnectionError('The server sends us elsewhere: is its address right?')
  }
  if (streams && response.ok) return { status, headers, text: '', body: response.body, leave }
  const text = await response.text()
  leave()
  return { status, headers, text, body: null, leave }
}

/** Pauses, but not longer than somebody waits for it. */
export const wait: Wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(clock)
      reject(signal?.reason)
    }
    const clock = setTimeout(() => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }, ms)
    if (signal?.aborted) leave()
    signal?.addEventListener('abort', leave, { once: true })
  })

/** What is asked, or a `TimeoutError`: nothing of another's making keeps a call waiting for ever. */
export function within<T>(ms: number, what: string, asked: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const clock = setTimeout(() => reject(new TimeoutError(`${what}: nothing within ${ms} ms`)), ms)
    asked.then(resolve, reject).then(() => clearTimeout(clock))
  })
}
