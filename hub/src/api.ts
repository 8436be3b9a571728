import { isWord, say } from './words.ts'

/** What the server refused, in the words of its envelope. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string
  constructor(status: number, body: unknown, requestId: string) {
    const error = (body as { error?: Partial<Refusal> } | null)?.error ?? {}
    super(String(error.message ?? status))
    this.code = String(error.code ?? 'INTERNAL_ERROR')
    this.status = status
    this.details = error.details ?? {}
    this.requestId = requestId
  }
}

/** The server could not be reached at all. */
class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Calls the API as the page's own session: its cookie is out of this script's reach, and the header tells the server
 * that a page of its own asks.
 */
export async function call<Answer>(
  method: Method,
  path: string,
  body?: object,
  signal?: AbortSignal,
): Promise<Answer> {
  const answer = await send(method, path, body, signal)
  return (await (await requireFine(answer)).json()) as Answer
}

/** The same, as it comes: for answers that stream. */
export async function send(
  method: Method,
  path: string,
  body?: object,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = {
    'freddy-session': 'cookie',
    ...(body ? { 'content-type': 'application/json' } : {}),
  }
  try {
    const answer = await fetch(path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    })
    reach(true)
    return answer
  } catch (cause) {
    if (signal?.aborted) throw cause
    reach(false)
    throw new Unreachable('unreachable', { cause })
  }
}

/** Reads what was refused; where the session is over, the page goes to sign in. */
export async function requireFine(answer: Response): Promise<Response> {
  if (answer.ok) return answer
  const refusal = refusalOf(answer, await answer.json().catch(() => null))
  if (isSessionOver(refusal)) signInAgain()
  throw refusal
}

function refusalOf(answer: Response, body: unknown): Refusal {
  return new Refusal(answer.status, body, answer.headers.get('x-request-id') ?? '')
}

/** What went wrong, in a sentence that says what to do. */
export function sentenceOf(cause: unknown): string {
  if (cause instanceof Unreachable) return say('errorUnreachable')
  // A browser's own refusal, e.g. of a passkey that nobody touched.
  if (cause instanceof DOMException) return cause.message
  if (!(cause instanceof Refusal)) return say('errorUnknown', { id: '' })
  const word = `error.${cause.code}`
  const { retry_after, reason, fields } = cause.details
  const [field] = Array.isArray(fields) ? fields : []
  const values = {
    seconds: Number(retry_after ?? 1),
    reason: String(reason ?? ''),
    field: field ? `${field.field}: ${field.message}` : '',
  }
  if (isWord(word)) return say(word, values)
  return `${cause.message}. ${say('errorUnknown', { id: cause.requestId })}`
}

const overCodes = ['TOKEN_INVALID', 'TOKEN_EXPIRED', 'AUTHENTICATION_REQUIRED']
const isSessionOver = ({ code }: Refusal) => overCodes.includes(code)

/** The session is over: the page goes where one signs in, and comes back. */
function signInAgain(): void {
  const { pathname, search } = location
  location.assign(`/sign-in?next=${encodeURIComponent(pathname + search)}`)
}

let reachable = true
const listeners = new Set<(reachable: boolean) => void>()

function reach(now: boolean): void {
  if (now === reachable) return
  reachable = now
  for (const listener of listeners) listener(now)
}

/** Hears when the server goes and when it is back. */
export function onReach(listener: (reachable: boolean) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
