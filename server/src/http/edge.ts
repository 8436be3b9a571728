import type { IncomingMessage, ServerResponse } from 'node:http'
import { timedId } from '../auth/random.ts'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'

const MOST_HEADERS = 100
/** The largest body of an auth route, and of what takes none. */
export const MOST_SMALL_BYTES = 16 * 1024
const plainPath = /^\/[A-Za-z0-9/._-]*$/

/** What is wrong with a request before anybody reads what it wants (contract section 3: size and Host come first). */
export function requirePlainRequest(request: IncomingMessage, publicHost: string | null): void {
  if (request.rawHeaders.length / 2 > MOST_HEADERS) throw new ApiError('HEADERS_TOO_LARGE')
  requireHost(request, publicHost)
  const coding = request.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new ApiError('MALFORMED_REQUEST')
  }
  const path = pathOf(request.url ?? '')
  if (!path.startsWith('/')) throw new ApiError('MALFORMED_REQUEST')
  if (!plainPath.test(path) || path.includes('//')) throw new ApiError('RESOURCE_NOT_FOUND')
}

/** What stands before the question mark. */
export function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

/**
 * Where no body is taken, one is ignored when it says that it is small: many clients send `{}` with everything.
 * One that is large, or does not say how large it is, would have to be read to its end for nothing.
 */
export function requireSmallBody(request: IncomingMessage): void {
  if (isLarge(request)) throw new ApiError('PAYLOAD_TOO_LARGE')
}

/** Whether an answer given now leaves a body that we would have to go on reading: then the socket closes instead. */
export function isLargeAndUnread(request: IncomingMessage): boolean {
  return isLarge(request) && !request.complete
}

function isLarge({ headers }: IncomingMessage): boolean {
  const isChunked = headers['transfer-encoding'] !== undefined
  return isChunked || Number(headers['content-length'] ?? 0) > MOST_SMALL_BYTES
}

/** Tells a caller who asked whether to send its body that it is going to be read. */
export function letBodyCome({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
}

/** Most bodies come with their head, and need no clock. */
export function requireBodyInTime(request: IncomingMessage, bodyMs: number): void {
  queueMicrotask(() => {
    if (request.complete || request.destroyed) return
    const timer = setTimeout(() => request.destroy(), bodyMs).unref()
    request.once('close', () => clearTimeout(timer))
    request.once('end', () => clearTimeout(timer))
  })
}

/** How often a header was sent: Node keeps the first of some, and says nothing. */
export function timesSent(request: IncomingMessage, name: string): number {
  const { rawHeaders } = request
  let times = 0
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const each = rawHeaders[place]
    if (each?.length === name.length && each.toLowerCase() === name) times += 1
  }
  return times
}

/** A caller's own request id when it is harmless, else one of ours. */
export function requestId(request: IncomingMessage, now: number): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given)
    ? given
    : timedId('req_', now)
}

/** Health checks come by address and may name any host. */
const hostless = new Set(['/livez', '/readyz'])

function requireHost(request: IncomingMessage, publicHost: string | null): void {
  if (hostless.has(request.url ?? '')) return
  const host = request.headers.host?.toLowerCase() ?? ''
  const name = host.replace(/:\d{1,5}$/, '')
  const known = name === publicHost || (isLoopback(name) && isLocal(request))
  if (!known || timesSent(request, 'host') !== 1) throw new ApiError('MALFORMED_REQUEST')
}

function isLocal(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? ''
  return isLoopback(address.replace(/^::ffff:/, ''))
}
