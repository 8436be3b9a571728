import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, type ErrorCode, errors } from '../errors.ts'
import { DatabaseUnavailable } from '../store/database.ts'

/** The founding envelope (contract section 3), or RFC 9457 for those who ask for it. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: ApiError,
): FastifyReply {
  const asked = request.headers.accept?.includes('application/problem+json')
  const body = asked ? problem(error, request.id) : envelope(error, request.id)
  reply.code(error.status).headers(error.headers)
  if (error.status === 401) reply.header('www-authenticate', challengeFor(error.code))
  if (error.status === 413) reply.header('connection', 'close')
  return reply
    .header('content-type', asked ? 'application/problem+json' : 'application/json; charset=utf-8')
    .send(JSON.stringify(body))
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
    },
  }
}

function problem(error: ApiError, requestId: string) {
  return {
    type: `/docs/errors#${error.code.toLowerCase()}`,
    title: error.message,
    status: error.status,
    code: error.code,
    ...error.details,
    instance: requestId,
  }
}

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
