import { type Credential, withCredential } from './credential.ts'
import { ConnectionError } from './errors.ts'
import { errorOf, isAboutToken } from './refusal.ts'
import { type Answer, type Ask, type Repeats, send, type TransportParts } from './transport.ts'

/** For every call. */
export interface CallOptions {
  /** Leaves the call; it throws the signal's reason. */
  readonly signal?: AbortSignal
  /** For one try, in milliseconds: 30,000, and 600,000 for answers of models; else a `TimeoutError`. */
  readonly timeoutMs?: number
}

/** A line such as `GET /user/me`, and what goes with it. */
export interface Call extends CallOptions {
  readonly line: `${Ask['method']} /${string}`
  readonly body?: object
  /** What reads is repeated, and everything else only when it was turned away, unless this says otherwise. */
  readonly repeats?: Repeats
  readonly standardMs?: number
  readonly streams?: true
}

const STANDARD_MS = 30_000

/** Calls that answer JSON or throw: openly, or with the credential. */
export class Client {
  readonly #parts: TransportParts
  readonly #credential: Credential
  readonly #timeoutMs: number | undefined

  constructor(parts: TransportParts, credential: Credential, timeoutMs: number | undefined) {
    this.#parts = parts
    this.#credential = credential
    this.#timeoutMs = timeoutMs
  }

  /** For what needs no credential: the steps of signing in. */
  async open<T>(call: Call): Promise<T> {
    return bodyOf<T>(await send(this.#parts, this.#askOf(call), {}))
  }

  async ask<T>(call: Call): Promise<T> {
    return bodyOf<T>(await this.answer(call))
  }

  /** The answer as it comes, when it is a good one. */
  async answer(call: Call): Promise<Answer> {
    const ask = this.#askOf(call)
    const answer = await withCredential(
      this.#credential,
      ask.signal,
      (headers) => send(this.#parts, ask, headers),
      isAboutToken,
    )
    if (answer.status >= 300) throw errorOf(answer)
    return answer
  }

  /** How long this call may be silent, in milliseconds. */
  patience({ timeoutMs, standardMs = STANDARD_MS }: Omit<Call, 'line'>): number {
    return timeoutMs ?? this.#timeoutMs ?? standardMs
  }

  #askOf(call: Call): Ask {
    const { line, body, signal, repeats, streams } = call
    const [method, path = ''] = line.split(' ') as [Ask['method'], string]
    return {
      method,
      path,
      ...(body ? { body } : {}),
      ...(streams ? { streams } : {}),
      signal,
      timeoutMs: this.patience(call),
      repeats: repeats ?? (method === 'GET' ? 'always' : 'when-turned-away'),
    }
  }
}

function bodyOf<T>(answer: Answer): T {
  if (answer.status >= 300) throw errorOf(answer)
  try {
    return JSON.parse(answer.text)
  } catch (cause) {
    throw new ConnectionError('The answer is not from a Freddy Auth server', { cause })
  }
}

/** `?limit=2&after=key_1`; nothing for what is absent. */
export function queryOf(fields: object): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) query.set(name, String(value))
  }
  const text = query.toString()
  return text ? `?${text}` : ''
}
