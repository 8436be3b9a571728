import type { RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Siblings } from '../processes/siblings.ts'
import { createServer } from './create-server.ts'
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

export const MOST_HEAD_BYTES = 16 * 1024

/** Node's own server with every bound set: its defaults wait five minutes for a request, and for a reader for ever. */
export function strictServer(
  bounds: Patience,
  origins: Origins,
  handler: RequestListener,
  noteBroken: (fields: BrokenRequest) => void,
  siblings: Siblings | null = null,
): Server {
  const underWay: UnderWay = new WeakMap()
  const take: RequestListener = (request, response) => {
    watch(underWay, server, response)
    handler(request, response)
  }
  const server = createServer(
    {
      maxHeaderSize: MOST_HEAD_BYTES,
      headersTimeout: bounds.headersMs,
      requestTimeout: bounds.requestMs,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: bounds.lookMs,
      // Our own check answers in our own words.
      requireHostHeader: false,
    },
    take,
  )
  // Node would let everybody send, and refuse what it does not know in words of its own (RFC 9110, section 10.1.1).
  server.on('checkContinue', take)
  server.on('checkExpectation', take)
  server.maxRequestsPerSocket = 1000
  server.maxHeadersCount = 200
  guardSockets(server, origins, siblings)
  server.setTimeout(bounds.stalledMs, (socket) => {
    // Silent because we are still at work is fine; taking nothing of an answer is not.
    if (!underWay.get(socket)?.length || socket.writableLength > 0) socket.destroy()
  })
  server.on('clientError', (cause, stream) => {
    const socket = stream as Socket
    const answers = underWay.get(socket) ?? []
    const own = answers.find(({ req }) => !req.complete)
    const before = answers.findLast(({ req }) => req.complete)
    const refuse = () => {
      if (own?.headersSent) socket.destroySoon()
      else refuseBrokenRequest(cause, socket, noteBroken)
    }
    // What is broken behind a good request waits for its turn, or its refusal is taken for the other's answer.
    if (before) before.once('close', refuse)
    else refuse()
  })
  return server
}

/** The answers of each socket that have not gone yet, oldest first. */
type UnderWay = WeakMap<Socket, ServerResponse[]>

/** What was begun before the server closes could not say that it is the last: its socket is ended behind it. */
function watch(underWay: UnderWay, server: Server, response: ServerResponse): void {
  const { socket } = response.req
  const answers = underWay.get(socket)
  if (answers) answers.push(response)
  else underWay.set(socket, [response])
  response.on('close', () => {
    const mine = underWay.get(socket) ?? []
    mine.splice(mine.indexOf(response), 1)
    if (!server.listening && mine.length === 0) socket.destroySoon()
  })
}
