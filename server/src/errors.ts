/**
 * The closed table of errors (contract section 3): code, status and the one public sentence.
 * docs/errors.md is compared with it both ways. The private cause goes to the log, never into an answer.
 */
export const errors = {
  MALFORMED_REQUEST: [400, 'The request could not be read'],
  AMBIGUOUS_CREDENTIALS: [400, 'Send one credential, in one header, once'],
  MODEL_REFUSED: [400, 'The model server refused the request'],
  AUTHORIZATION_PENDING: [400, 'Nobody has answered this device yet'],
  SLOW_DOWN: [400, 'This device asks too often; wait five seconds longer from now on'],
  ACCESS_DENIED: [400, 'This device was turned away'],
  DEVICE_CODE_EXPIRED: [400, 'This device code has expired; ask for another'],
  DEVICE_CODE_INVALID: [400, 'This device code is not valid'],
  INVALID_CREDENTIALS: [401, 'Invalid email or password'],
  INVALID_VERIFICATION_CODE: [401, 'Invalid verification code'],
  TOKEN_EXPIRED: [401, 'The token has expired'],
  TOKEN_INVALID: [401, 'The token is not valid'],
  AUTHENTICATION_REQUIRED: [401, 'Sign in or send an API key'],
  INVALID_API_KEY: [401, 'The API key is not valid'],
  API_KEY_EXPIRED: [401, 'The API key has expired'],
  API_KEY_PAUSED: [401, 'The API key is paused'],
  BUDGET_EXHAUSTED: [402, 'A budget is used up'],
  INSUFFICIENT_PERMISSIONS: [403, 'This credential may not do that'],
  OPERATION_NOT_ALLOWED: [403, 'This cannot be done here'],
  REGISTRATION_RESTRICTED: [403, 'Registration is closed on this server'],
  RESOURCE_NOT_FOUND: [404, 'There is nothing here'],
  METHOD_NOT_ALLOWED: [405, 'This path does not take that method'],
  REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
  USERNAME_TAKEN: [409, 'This user name is taken'],
  FACTOR_EXISTS: [409, 'There is one already; remove it first'],
  VERIFICATION_EXPIRED: [410, 'The verification code has expired; ask for another'],
  PAYLOAD_TOO_LARGE: [413, 'The request body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Send the body as application/json'],
  VALIDATION_ERROR: [422, 'The request has fields that do not fit'],
  INVALID_EMAIL_FORMAT: [422, 'This is not an e-mail address we can send to'],
  WEAK_PASSWORD: [422, 'Choose another password'],
  TOO_MANY_LOGIN_ATTEMPTS: [429, 'Too many login attempts. Please try again later'],
  TOO_MANY_VERIFICATION_ATTEMPTS: [429, 'Too many verification attempts. Please try again later'],
  TOO_MANY_REQUESTS: [429, 'Too many requests. Please try again later'],
  HEADERS_TOO_LARGE: [431, 'The request headers are too large'],
  INTERNAL_ERROR: [500, 'Something went wrong on our side'],
  UPSTREAM_ERROR: [502, 'The model server did not answer as it should'],
  SERVICE_UNAVAILABLE: [503, 'The service is busy. Please try again shortly'],
  UPSTREAM_TIMEOUT: [504, 'The model server took too long'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>

export type ErrorCode = keyof typeof errors

export interface FieldProblem {
  readonly field: string
  readonly message: string
}

export interface ErrorDetails {
  /** Seconds until a try is free again. */
  readonly retry_after?: number
  readonly fields?: readonly FieldProblem[]
  readonly reason?: string
  /** The limit that refused, with what is gone of it, and when it begins anew. */
  readonly limit?: string
  /** Whose budget: `key`, or `person` for all keys and sessions together. */
  readonly level?: string
  readonly used?: number
  readonly most?: number
  readonly resets_at?: string
  /** Where the owner may allow more, after signing in. */
  readonly approval_url?: string
  /** When a secret that was replaced ended. */
  readonly ended_at?: string
}

export interface ErrorOptions {
  readonly details?: ErrorDetails
  /** The name of the field at fault, when it is one. */
  readonly param?: string
  /** For the log only. */
  readonly cause?: unknown
  /** Headers that belong to this answer, e.g. Allow. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal on its way out. Nouns and verbs throw it; http/ turns it into an answer, in one place. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetails | undefined
  readonly param: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const [status, sentence] = errors[code]
    const depth = Error.stackTraceLimit
    // Only a failure of ours is looked for in the code; to take down the way to a refusal costs more than the refusal.
    if (status < 500) Error.stackTraceLimit = 0
    super(sentence, { cause: options.cause })
    Error.stackTraceLimit = depth
    this.code = code
    this.status = status
    this.details = options.details
    this.param = options.param
    this.headers = options.headers ?? {}
  }
}

/** A 429 or 503 that says when to come back. `waitMs` is rounded up to whole seconds, at least one. */
export function tooMany(
  code: ErrorCode,
  waitMs: number,
  headers: Record<string, string> = {},
  more: ErrorDetails = {},
): ApiError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new ApiError(code, {
    details: { retry_after: seconds, ...more },
    headers: { ...headers, 'retry-after': String(seconds) },
  })
}
