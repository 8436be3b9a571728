import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Siblings } from '../processes/siblings.ts'
import type { Origins } from './origin.ts'
import { type BrokenRequest, guardSockets, refuseBrokenRequest } from './sockets.ts'

/** How slow a peer may be, in milliseconds (security rule 20). */
export interface Patience {
  readonly headersMs: number
  readonly requestMs: number
  /** A body of an auth route. */
  readonly bodyMs: number
  /** An answer of which the reader takes nothing. */
  readonly stalledMs: number
  /** How often the first two are looked at. */
  readonly lookMs: number
}

export const patience: Patience = {
  headersMs: 10_000,
  requestMs: 120_000,
  bodyMs: 15_000,
  stalledMs: 30_000,
  lookMs: 1000,
}

/** Node's own server with every bound set: its defaults wait five minutes for a request, and for a reader for ever. */
export function strictServer(
  bounds: Patience,
  origins: Origins,
  handler: RequestListener,
  noteBroken: (fields: BrokenRequest) => void,
  siblings: Siblings | null = null,
): Server {
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: bounds.headersMs,
      requestTimeout: bounds.requestMs,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: bounds.lookMs,
      // Our own check answers in our own words.
      requireHostHeader: false,
    },
    handler,
  )
  server.maxRequestsPerSocket = 1000
  server.maxHeadersCount = 200
  guardSockets(server, origins, siblings)
  const underWay = watchRequests(server)
  server.setTimeout(bounds.stalledMs, (socket) => {
    // Silent because we are still at work is fine; taking nothing of an answer is not.
    if (!underWay.has(socket) || socket.writableLength > 0) socket.destroy()
  })
  server.on('clientError', (cause, stream) => {
    const socket = stream as Socket
    const requests = underWay.get(socket) ?? []
    const own = requests.find(({ request }) => !request.complete)
    const before = requests.findLast(({ request }) => request.complete)
    const refuse = () => {
      if (own?.response.headersSent) socket.destroySoon()
      else refuseBrokenRequest(cause, socket, noteBroken)
    }
    // What is broken behind a good request waits for its turn, or its refusal is taken for the other's answer.
    if (before) before.response.once('close', refuse)
    else refuse()
  })
  return server
}

interface UnderWay {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The requests of each socket, oldest first, until their answers have gone. */
function watchRequests(server: Server): WeakMap<Socket, readonly UnderWay[]> {
  const underWay = new WeakMap<Socket, readonly UnderWay[]>()
  server.on('request', (request, response) => {
    const { socket } = request
    underWay.set(socket, [...(underWay.get(socket) ?? []), { request, response }])
    response.once('close', () => {
      const left = (underWay.get(socket) ?? []).filter((each) => each.response !== response)
      if (left.length) underWay.set(socket, left)
      else underWay.delete(socket)
    })
  })
  return underWay
}
