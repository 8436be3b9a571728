import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { App, Call } from '../context.ts'
import { letBodyCome } from './edge.ts'
import { languageOf } from './hub/words.ts'

const MOST_FORM_BYTES = 4096

/** Within this scope a body is a form. */
export function takeForms(scope: FastifyInstance): void {
  scope.addHook('onRequest', (request, reply, done) => {
    letBodyCome(request.raw, reply.raw)
    done()
  })
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: MOST_FORM_BYTES },
    async (_request: FastifyRequest, text: string) => new URLSearchParams(text),
  )
}

export function formOf({ body }: FastifyRequest): URLSearchParams {
  return body instanceof URLSearchParams ? body : new URLSearchParams()
}

/** The request of a page as a verb or a noun sees it. */
export function callOf<Body>(app: App, request: FastifyRequest, body: Body): Call<Body> {
  const { params, query, startedAt, answerHeaders, id, headers } = request
  const origin = { ...request.origin, languages: languageOf(app.config, headers) }
  const carried = { bytes: Buffer.alloc(0), headers, left: () => new AbortController().signal }
  const about = { app, body, params, query, origin, carried, requestId: id, now: startedAt }
  return { ...about, principal: null, headers: answerHeaders }
}
