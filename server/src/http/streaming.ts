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

/** The request itself, and the news of its caller's leaving. */
export function carriedOf(route: Route, request: FastifyRequest, reply: FastifyReply): Carried {
  const { bytes, headers } = request
  return { bytes: bytes ?? NOTHING, headers, left: route.gateway ? leaving(reply) : stays }
}

function leaving({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}

/** What a verb answered: data for its schema, or bytes that go as they come. */
export function sendAnswer(reply: FastifyReply, answer: unknown): unknown {
  if (!(answer instanceof Streamed)) return answer
  const { body, headers } = answer
  const bytes =
    body instanceof Uint8Array
      ? body
      : Readable.from(body, { objectMode: false, highWaterMark: MOST_WAITING_BYTES })
  return reply.headers(headers).send(bytes)
}
