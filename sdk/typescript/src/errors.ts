/*
 * FreddyError
 * ├── NotSignedInError             nobody has signed in yet, or the session was forgotten; nothing was sent
 * ├── ConnectionError              no answer of the server came
 * │   ├── TimeoutError             not in time
 * │   └── StreamCutError           an answer that streams broke before its end
 * └── ApiError                     the server refused; has `code`, `status`, `retryAfter`, `requestId`, `details`
 *     ├── InvalidRequestError      400, 405, 408, 413, 415, 422, 431; `fields` says what does not fit
 *     ├── AuthenticationError      401
 *     │   ├── InvalidCredentialsError   the address or the password is wrong
 *     │   ├── InvalidCodeError          the mailed code is wrong, used, or of another sign-in
 *     │   ├── SessionEndedError         sign in again; `reason` says why
 *     │   └── ApiKeyError               the API key is wrong, expired or paused
 *     ├── BudgetExhaustedError     402
 *     ├── PermissionDeniedError    403: the credential is fine and may not do that
 *     ├── NotFoundError            404
 *     ├── ConflictError            409
 *     ├── CodeExpiredError         410: ask for another code with `resend`
 *     ├── RateLimitError           429: `retryAfter` says for how many seconds
 *     └── ServerError              5xx
 *         └── UnavailableError     503
 */

/** Whatever this library throws by itself. A signal that was aborted throws its own reason. */
export class FreddyError extends Error {
  override readonly name: string = 'FreddyError'
}

export class NotSignedInError extends FreddyError {
  override readonly name = 'NotSignedInError'
  constructor(message = 'Sign in first: login, then verify') {
    super(message)
  }
}

export class ConnectionError extends FreddyError {
  override readonly name: string = 'ConnectionError'
}

export class TimeoutError extends ConnectionError {
  override readonly name = 'TimeoutError'
}

export class StreamCutError extends ConnectionError {
  override readonly name = 'StreamCutError'
}

/** What the server's envelope says, as far as it said it. */
export interface Refusal {
  readonly code?: string
  readonly message?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export interface FieldProblem {
  readonly field: string
  readonly message: string
}

export class ApiError extends FreddyError {
  override readonly name: string = 'ApiError'
  /** For programs; docs/errors.md lists them. `UNKNOWN` when the answer was not one of ours. */
  readonly code: string
  /** The HTTP status; 0 when the refusal came inside a stream. */
  readonly status: number
  /** Seconds until a try may succeed; null when the server did not say. */
  readonly retryAfter: number | null
  /** Names this call to whoever runs the server; null when the answer was not one of ours. */
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    refusal: Refusal,
    status: number,
    { retryAfter = null, requestId = null }: ApiErrorPlace = {},
  ) {
    super(refusal.message ?? `The server answered ${status}`)
    this.code = refusal.code ?? 'UNKNOWN'
    this.status = status
    this.retryAfter = retryAfter
    this.requestId = requestId
    this.details = refusal.details ?? {}
  }

  /** Why, where one code has several reasons: `password_changed`, `token_reuse`, … (docs/sessions.md) */
  get reason(): string | null {
    const { reason } = this.details
    return typeof reason === 'string' ? reason : null
  }
}

export interface ApiErrorPlace {
  readonly retryAfter?: number | null
  readonly requestId?: string | null
}

export class InvalidRequestError extends ApiError {
  override readonly name = 'InvalidRequestError'

  /** The fields that do not fit, each with a sentence. */
  get fields(): readonly FieldProblem[] {
    const { fields } = this.details
    return Array.isArray(fields) ? fields : []
  }
}

export class AuthenticationError extends ApiError {
  override readonly name: string = 'AuthenticationError'
}

export class InvalidCredentialsError extends AuthenticationError {
  override readonly name = 'InvalidCredentialsError'
}

export class InvalidCodeError extends AuthenticationError {
  override readonly name = 'InvalidCodeError'
}

export class SessionEndedError extends AuthenticationError {
  override readonly name = 'SessionEndedError'
}

export class ApiKeyError extends AuthenticationError {
  override readonly name = 'ApiKeyError'
}

export class BudgetExhaustedError extends ApiError {
  override readonly name = 'BudgetExhaustedError'
}

export class PermissionDeniedError extends ApiError {
  override readonly name = 'PermissionDeniedError'
}

export class NotFoundError extends ApiError {
  override readonly name = 'NotFoundError'
}

export class ConflictError extends ApiError {
  override readonly name = 'ConflictError'
}

export class CodeExpiredError extends ApiError {
  override readonly name = 'CodeExpiredError'
}

export class RateLimitError extends ApiError {
  override readonly name = 'RateLimitError'
}

export class ServerError extends ApiError {
  override readonly name: string = 'ServerError'
}

export class UnavailableError extends ServerError {
  override readonly name = 'UnavailableError'
}
