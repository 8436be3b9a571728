import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, type ErrorCode, errors } from '../errors.ts'
import { DatabaseUnavailable } from '../store/database.ts'

/** The founding envelope (contract section 3), or RFC 9457 for those who ask for it. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: ApiError): void {
  if (speaksOAuth(request)) sendOAuthError(request, reply, error)
  else sendEnvelope(request, reply, error)
}

function sendEnvelope(request: FastifyRequest, reply: FastifyReply, error: ApiError): void {
  reply.code(error.status).headers(error.headers)
  if (error.status === 401) reply.header('www-authenticate', challengeFor(error.code))
  if (error.status === 413) reply.header('connection', 'close')
  if (!request.headers.accept?.includes('application/problem+json')) {
    reply.send(envelope(error, request.id))
    return
  }
  reply
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problem(error, request.id)))
}

/** The words that RFC 8628 and RFC 6749 have for ours. */
const oauthWords: Partial<Record<ErrorCode, string>> = {
  AUTHORIZATION_PENDING: 'authorization_pending',
  SLOW_DOWN: 'slow_down',
  ACCESS_DENIED: 'access_denied',
  DEVICE_CODE_EXPIRED: 'expired_token',
  DEVICE_CODE_INVALID: 'invalid_grant',
  TOO_MANY_REQUESTS: 'slow_down',
  SERVICE_UNAVAILABLE: 'temporarily_unavailable',
  INTERNAL_ERROR: 'server_error',
}

function speaksOAuth({ row, headers }: FastifyRequest): boolean {
  if (!row?.oauth) return false
  return (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
}

/** In OAuth `error` is a word, in our envelope an object: whoever sends a form gets the one, with our code beside it. */
function sendOAuthError(request: FastifyRequest, reply: FastifyReply, error: ApiError): void {
  const { code, message, status, headers } = error
  reply
    .code(status === 422 ? 400 : status)
    .headers(headers)
    .header('content-type', 'application/json; charset=utf-8')
    .send(
      JSON.stringify({
        error: oauthWords[code] ?? 'invalid_request',
        error_description: message,
        code,
        trace_id: request.id,
      }),
    )
}

/** What a thrown thing means to the caller; the rest of it is for the log. */
export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause
  if (cause instanceof DatabaseUnavailable) {
    return new ApiError('SERVICE_UNAVAILABLE', {
      cause,
      details: { retry_after: 1 },
      headers: { 'retry-after': '1' },
    })
  }
  const code = fastifyCodes[codeOf(cause) ?? '']
  return new ApiError(code ?? 'INTERNAL_ERROR', { cause })
}

export function envelope(error: ApiError, requestId: string) {
  return {
    success: false,
    error: {
      code: error.code,
      message: error.message,
      system_message: error.details?.reason ?? error.message,
      type: typeOf(error.status),
      status: error.status,
      ...(error.details ? { details: error.details } : {}),
      ...(error.param ? { param: error.param } : {}),
      trace_id: requestId,
      timestamp: new Date().toISOString(),
      doc_url: pageOf(error.code),
    },
  }
}

function problem(error: ApiError, requestId: string) {
  return {
    type: pageOf(error.code),
    title: error.message,
    status: error.status,
    code: error.code,
    ...error.details,
    instance: requestId,
  }
}

/** Where the documentation that this server shows says what to do. */
const pageOf = (code: ErrorCode) => `/docs/errors#${code.toLowerCase()}`

function typeOf(status: number): string {
  if (status >= 500) return 'server_error'
  return status === 401 || status === 403 ? 'authentication_error' : 'client_error'
}

/** RFC 6750: a token that was looked at and refused is named so; a missing one is only asked for. */
function challengeFor(code: ErrorCode): string {
  const asked = 'Bearer realm="freddy"'
  const looked = errors[code][0] === 401 && code.startsWith('TOKEN_')
  return looked ? `${asked}, error="invalid_token"` : asked
}

const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MALFORMED_REQUEST',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_BAD_URL: 'RESOURCE_NOT_FOUND',
  ECONNRESET: 'MALFORMED_REQUEST',
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
}
