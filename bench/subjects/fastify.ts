import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { Static } from 'typebox'
import { ResponseAnswer, ResponseBody } from '../../server/src/responses/create-response.ts'
import { ready } from '../frame/serving.ts'
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
await http.listen({ port: 0, host: '127.0.0.1' })
ready((http.server.address() as AddressInfo).port, null)
