import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import Fastify from 'fastify'
import type { Static } from 'typebox'
import { ResponseAnswer, ResponseBody } from '../../server/src/responses/create-response.ts'
import { createHasher, HasherBusy } from '../../server/src/workers/hasher.ts'
import { ready } from '../frame/serving.ts'
import { PASSWORD } from '../scenarios/secrets.ts'
import { echoAnswer, echoHeaders, refusal, refusalHeaders } from './answer.ts'

/** The floor: Fastify with the same schemas and the same answers, and nobody who asks whose the request is. */
const http = Fastify({ logger: false })
http.post<{ Body: Static<typeof ResponseBody> }>(
  '/v1/responses',
  {
    schema: { body: ResponseBody, response: { 200: ResponseAnswer } },
    // What a refusal costs a server that looks at nothing but the header's being there, and reads no body before.
    onRequest({ headers }, reply, done) {
      if (headers.authorization || headers['api-key']) done()
      else reply.code(401).headers(refusalHeaders).send(refusal())
    },
  },
  async ({ body }, reply) => {
    reply.headers(echoHeaders)
    return echoAnswer(String(body.messages?.[0]?.content))
  },
)

/** The floor of a sign-in: the password's hash on as many threads, and nothing around it. */
const hasher = createHasher({ threads: availableParallelism() })
let stored: Promise<string> | undefined
http.post<{ Body: { password: string } }>('/v1/auth/login', async ({ body }, reply) => {
  try {
    stored ??= hasher.hash(PASSWORD)
    return { right: await hasher.verify(await stored, body.password) }
  } catch (cause) {
    if (!(cause instanceof HasherBusy)) throw cause
    // Where the first was turned away, the next makes it.
    stored = undefined
    return reply.code(503).header('retry-after', '1').send(refusal())
  }
})
await http.listen({ port: 0, host: '127.0.0.1' })
ready((http.server.address() as AddressInfo).port, null, () => hasher.close())
