import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { randomId } from '../auth/random.ts'
import { ApiError, type ErrorCode } from '../errors.ts'
import type { Siblings } from '../processes/siblings.ts'
import { envelope } from './answer.ts'
import type { Origins } from './origin.ts'
import { sourceOf } from './source.ts'

const MOST_SOCKETS = 100

/** The sockets of each server. */
const socketsOf = new WeakMap<Server, Set<Socket>>()

/** At most a hundred sockets a source; our own proxies bring many callers and are not counted. */
export function guardSockets(server: Server, origins: Origins, siblings: Siblings | null): void {
  const open = new Map<string, number>()
  const sockets = new Set<Socket>()
  socketsOf.set(server, sockets)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const address = socket.remoteAddress ?? ''
    if (origins.isProxy(address)) return
    const { source } = sourceOf(address)
    const count = (open.get(source) ?? 0) + 1
    if (count > MOST_SOCKETS) return socket.destroy()
    open.set(source, count)
    if (siblings) void guardTogether(siblings, socket, source)
    socket.once('close', () => {
      const left = (open.get(source) ?? 1) - 1
      if (left > 0) open.set(source, left)
      else open.delete(source)
    })
    return undefined
  })
}

/**
 * Ends sockets that were opened ahead and never asked anything, as browsers open them: Node takes them for busy, and
 * a server that closes would wait for them.
 */
export function closeUnasked(server: Server): void {
  for (const socket of socketsOf.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy()
}

/** At most a hundred, over all processes of this server. */
async function guardTogether(siblings: Siblings, socket: Socket, source: string): Promise<void> {
  socket.once('close', () => void siblings.ask('sockets', [source, -1]))
  const open = await siblings.ask('sockets', [source, 1])
  if (Number(open) > MOST_SOCKETS) socket.destroy()
}

/** What is known of a request that was none: its line in the log has the id that its answer has. */
export interface BrokenRequest {
  readonly requestId: string
  readonly route: 'none'
  readonly status: number
  readonly code: ErrorCode
  readonly source: string
}

/** What the parser refused never becomes a request: it is answered on the bare socket, and that is closed. */
export function refuseBrokenRequest(
  cause: Error & { code?: string },
  socket: Socket,
  note: (fields: BrokenRequest) => void,
): void {
  if (cause.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const error = new ApiError(codes[cause.code ?? ''] ?? 'MALFORMED_REQUEST')
  const id = randomId('req_')
  const { source } = sourceOf(socket.remoteAddress ?? '')
  note({ requestId: id, route: 'none', status: error.status, code: error.code, source })
  const body = JSON.stringify(envelope(error, id))
  const head = [
    `HTTP/1.1 ${error.status} ${reasons[error.status] ?? 'Bad Request'}`,
    'content-type: application/json; charset=utf-8',
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    `x-request-id: ${id}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const codes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'PAYLOAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
}
