import { ApiError } from '../errors.ts'

/** Freddy Auth's own codes, statuses and sentences: whoever calls both servers reads one language. */
const refusals = {
  AMBIGUOUS_CREDENTIALS: [400, 'Send one credential, in one header, once'],
  AUTHENTICATION_REQUIRED: [401, 'Sign in or send an API key'],
  TOKEN_EXPIRED: [401, 'The token has expired'],
  TOKEN_INVALID: [401, 'The token is not valid'],
  INVALID_API_KEY: [401, 'The API key is not valid'],
  INSUFFICIENT_PERMISSIONS: [403, 'This credential may not do that'],
  SERVICE_UNAVAILABLE: [503, 'The service is busy. Please try again shortly'],
} as const

export type RefusalCode = keyof typeof refusals

/** Seconds after which whoever was not heard may have come back. */
const RETRY_AFTER = 5

/** What a verifier throws: who calls is not let in, and why. */
export class RefusedError extends ApiError {
  override readonly name = 'RefusedError'

  constructor(code: RefusalCode) {
    const [status, message] = refusals[code]
    const retryAfter = status === 503 ? RETRY_AFTER : null
    const details = retryAfter === null ? {} : { details: { retry_after: retryAfter } }
    super({ code, message, ...details }, status, { retryAfter })
  }
}

/** An answer that is ready to be sent. */
export interface RefusalAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

type HeaderPairs = Iterable<readonly [string, string]>

/** In Freddy Auth's envelope, or as RFC 9457 has it for those who ask for that. */
export function answerOf(error: RefusedError, asked: HeaderPairs): RefusalAnswer {
  const sent = new Map([...asked].map(([name, value]) => [name.toLowerCase(), value]))
  const requestId = requestIdOf(sent.get('x-request-id'))
  const isProblem = sent.get('accept')?.includes('application/problem+json') === true
  const body = isProblem ? problem(error, requestId) : envelope(error, requestId)
  return {
    status: error.status,
    headers: {
      'content-type': `application/${isProblem ? 'problem+json' : 'json'}; charset=utf-8`,
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...(error.status === 401 ? { 'www-authenticate': challengeOf(error.code) } : {}),
      ...(error.retryAfter === null ? {} : { 'retry-after': String(error.retryAfter) }),
    },
    text: JSON.stringify(body),
  }
}

function envelope({ code, message, status, details }: RefusedError, requestId: string) {
  return {
    success: false,
    error: {
      code,
      message,
      system_message: message,
      type: typeOf(status),
      status,
      ...(Object.keys(details).length > 0 ? { details } : {}),
      trace_id: requestId,
      timestamp: new Date().toISOString(),
      doc_url: pageOf(code),
    },
  }
}

function problem({ code, message, status, details }: RefusedError, requestId: string) {
  return { type: pageOf(code), title: message, status, code, ...details, instance: requestId }
}

/** Where Freddy Auth says what to do. */
const pageOf = (code: string) => `/docs/errors#${code.toLowerCase()}`

function typeOf(status: number): string {
  if (status >= 500) return 'server_error'
  return status === 401 || status === 403 ? 'authentication_error' : 'client_error'
}

/** RFC 6750: a token that was looked at and refused is named so. */
function challengeOf(code: string): string {
  const asked = 'Bearer realm="freddy"'
  return code.startsWith('TOKEN_') ? `${asked}, error="invalid_token"` : asked
}

/** The caller's, when it is a sane one. */
function requestIdOf(sent: string | undefined): string {
  if (sent !== undefined && /^[A-Za-z0-9._-]{1,128}$/.test(sent)) return sent
  return `req_${crypto.randomUUID().replaceAll('-', '')}`
}
