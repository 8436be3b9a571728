import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Carried } from '../context.ts'
import type { Route } from '../routes.ts'
import { Streamed } from '../wire/streamed.ts'

const NOTHING = Buffer.alloc(0)
/** Never aborted: who waits for a short answer may as well leave after it. */
const stays = new AbortController().signal
/** What waits for a slow caller before the model server is made to wait. */
const MOST_WAITING_BYTES = 16 * 1024

/** The request itself, and the news of its caller's leaving for those who ask for it. */
export function carriedOf(route: Route, request: FastifyRequest, reply: FastifyReply): Carried {
  const { bytes, headers } = request
  if (!route.gateway && !route.streams) return { bytes: NOTHING, headers, left: () => stays }
  let left: AbortSignal | undefined
  return {
    bytes: bytes ?? NOTHING,
    headers,
    // No accessor: each would be a shape of its own, which holds the whole request until old memory is collected.
    left() {
      left ??= leaving(request, reply)
      return left
    },
  }
}

function leaving({ method }: FastifyRequest, { raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const look = () => {
    // The answer to HEAD ends with its head: nobody is there for what would have come.
    if (!raw.writableFinished || method === 'HEAD') controller.abort()
  }
  if (raw.closed) look()
  else raw.once('close', look)
  return controller.signal
}

/** What a verb answered: data for its schema, or bytes that go as they come. */
export function sendAnswer(reply: FastifyReply, answer: unknown): unknown {
  if (!(answer instanceof Streamed)) return answer
  const { body, headers } = answer
  reply.headers(headers)
  if (body instanceof Uint8Array) return body
  return reply.send(Readable.from(body, { objectMode: false, highWaterMark: MOST_WAITING_BYTES }))
}
