import {
  ApiError,
  ApiKeyError,
  AuthenticationError,
  BudgetExhaustedError,
  CodeExpiredError,
  ConflictError,
  InvalidCodeError,
  InvalidCredentialsError,
  InvalidRequestError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  type Refusal,
  ServerError,
  SessionEndedError,
  UnavailableError,
} from './errors.ts'

const byCode: Readonly<Record<string, typeof ApiError>> = {
  INVALID_CREDENTIALS: InvalidCredentialsError,
  INVALID_VERIFICATION_CODE: InvalidCodeError,
  TOKEN_EXPIRED: SessionEndedError,
  TOKEN_INVALID: SessionEndedError,
  AUTHENTICATION_REQUIRED: SessionEndedError,
  INVALID_API_KEY: ApiKeyError,
  API_KEY_EXPIRED: ApiKeyError,
  API_KEY_PAUSED: ApiKeyError,
  UPSTREAM_ERROR: ServerError,
  UPSTREAM_TIMEOUT: ServerError,
  INTERNAL_ERROR: ServerError,
  SERVICE_UNAVAILABLE: UnavailableError,
}

const byStatus: Readonly<Record<number, typeof ApiError>> = {
  401: AuthenticationError,
  402: BudgetExhaustedError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  410: CodeExpiredError,
  429: RateLimitError,
  503: UnavailableError,
}

/** What came over the wire: a head, and the text of what followed. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The error that an answer of 300 and more stands for. */
export function errorOf({ status, headers, text }: Answered): ApiError {
  const refusal = refusalIn(text)
  const place = {
    retryAfter: waitIn(headers) ?? numberOr(refusal.details?.retry_after),
    requestId: headers.get('x-request-id'),
  }
  return new (kindOf(status, refusal.code))(refusal, status, place)
}

/** The error that an event of a stream stands for. */
export function errorOfEvent(event: object, requestId: string | null): ApiError {
  const refusal: Refusal = event
  const Kind = byCode[refusal.code ?? ''] ?? ServerError
  return new Kind(refusal, 0, { requestId })
}

/** A 401 that another access token may mend: not one about a password, a code or an API key. */
export function isAboutToken({ status, text }: Pick<Answered, 'status' | 'text'>): boolean {
  if (status !== 401) return false
  const kind = byCode[refusalIn(text).code ?? '']
  return kind === undefined || kind === SessionEndedError
}

/** Seconds to wait. A date is read by the server's own clock: that of this machine may be wrong. */
export function waitIn(headers: Headers): number | null {
  const text = headers.get('retry-after')
  if (text === null) return null
  if (/^\d+$/.test(text)) return Number(text)
  const wait = (Date.parse(text) - Date.parse(headers.get('date') ?? '')) / 1000
  return Number.isFinite(wait) ? Math.max(0, Math.ceil(wait)) : null
}

function kindOf(status: number, code: string | undefined): typeof ApiError {
  const kind = byCode[code ?? ''] ?? byStatus[status]
  if (kind) return kind
  if (status >= 500) return ServerError
  return status >= 400 ? InvalidRequestError : ApiError
}

function refusalIn(text: string): Refusal {
  try {
    const { error } = JSON.parse(text)
    return typeof error === 'object' && error !== null ? error : {}
  } catch {
    return {}
  }
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
