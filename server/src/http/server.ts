import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Principal } from '../auth/principal.ts'
import type { App, Origin } from '../context.ts'
import { ApiError, type ErrorCode, tooMany } from '../errors.ts'
import { type Route, routes } from '../routes.ts'
import { asApiError, sendError } from './answer.ts'
import type { BodyInHand } from './bodies-in-hand.ts'
import {
  isLargeAndUnread,
  pathOf,
  requestId,
  requireBodyInTime,
  requirePlainRequest,
  requireSmallBody,
} from './edge.ts'
import { openApi } from './openapi.ts'
import { createOrigins, type Origins } from './origin.ts'
import { schemaController } from './schema-controller.ts'
import { serializerFor } from './serializer.ts'
import { serve } from './serve.ts'
import { type BrokenRequest, closeUnasked } from './sockets.ts'
import { sourceOf } from './source.ts'
import { MOST_HEAD_BYTES, type Patience, patience, strictServer } from './strict-server.ts'
import { traceRequests } from './trace-requests.ts'
import { createTurn } from './turn.ts'
import { validatorFor } from './validator.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once by the first hook and the guards, in the order of contract section 3. */
    origin: Origin
    /** Of the table of contents; other doors have none. */
    row: Route | undefined
    principal: Principal | null
    startedAt: number
    /** The body of a gateway request as it came. */
    bytes: Buffer | null
    /** Its body, where that is a large one. */
    inHand: BodyInHand | null
    answerHeaders: Record<string, string>
    /** The code of the error that it was answered with. */
    refusal: ErrorCode | undefined
  }
  interface FastifyContextConfig {
    row?: Route
  }
}

export type Http = FastifyInstance

/** Another server, or this one's successor, takes the next request. */
const CLOSING_MS = 1000

/** The web server of an app: Fastify is known to this folder only. */
export async function createHttp(
  app: App,
  pages: (http: Http) => void,
  bounds: Patience = patience,
): Promise<Http> {
  const origins = createOrigins(app.config.trustedProxies)
  const noteBroken = (fields: BrokenRequest) => app.log.info({ event: 'request', ...fields })
  const http = Fastify({
    serverFactory: (handler) => strictServer(bounds, origins, handler, noteBroken, app.siblings),
    genReqId: (request) => requestId(request, app.now()),
    requestIdHeader: false,
    schemaController,
    logger: false,
    exposeHeadRoutes: true,
    // As long as a head may be: what an id may look like, its row says.
    routerOptions: { maxParamLength: MOST_HEAD_BYTES },
    // Told in our own words, by the first hook.
    return503OnClosing: false,
    // Broken requests are answered in strict-server.ts; a second handler would cut that answer off.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) =>
      refuseUnrouted(app, error, request as FastifyRequest, reply as FastifyReply),
  })
  http.setValidatorCompiler(validatorFor)
  http.setSerializerCompiler(serializerFor)
  http.removeAllContentTypeParsers()
  http.decorateRequest('startedAt', 0)
  http.decorateRequest('row', undefined)
  http.decorateRequest('origin')
  http.decorateRequest('answerHeaders')
  http.decorateRequest('principal', null)
  http.decorateRequest('bytes', null)
  http.decorateRequest('inHand', null)
  http.decorateRequest('refusal', undefined)
  if (app.tracing) traceRequests(app.tracing, http, origins)
  greet(app, http, origins, bounds)
  openApi(http)
  serve(app, http, routes, bounds)
  http.after(() => pages(http))
  refuseTheRest(http)
  return http
}

/** A path that the router cannot read reaches no hook: here is what they would have done. */
function refuseUnrouted(
  app: App,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  stamp(app, request, reply)
  reply.header('connection', 'close')
  const refusal = whyNotPlain(app, request) ?? asApiError(error)
  const { status, code } = refusal
  const { source } = sourceOf(request.raw.socket.remoteAddress ?? '')
  app.log.info({ event: 'request', requestId: request.id, route: 'none', status, code, source })
  sendError(request, reply, refusal)
}

function whyNotPlain(app: App, { raw }: FastifyRequest): ApiError | null {
  try {
    requirePlainRequest(raw, publicHostOf(app))
    return null
  } catch (cause) {
    return asApiError(cause)
  }
}

function publicHostOf({ config }: App): string | null {
  return config.publicUrl ? new URL(config.publicUrl).hostname : null
}

/** What every answer carries. */
function stamp({ config }: App, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff')
  const isHttps = config.publicUrl?.startsWith('https://') ?? false
  if (isHttps) reply.header('strict-transport-security', 'max-age=31536000')
  if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
}

/** What holds for every request, whatever it wants. */
function greet(app: App, http: Http, origins: Origins, { bodyMs }: Patience): void {
  const publicHost = publicHostOf(app)
  const atEndOfTurn = createTurn()
  let isClosing = false
  http.addHook('onRequest', (request, reply, done) => {
    const { row } = request.routeOptions.config
    request.startedAt = app.now()
    request.row = row
    request.answerHeaders = {}
    request.origin = origins.of(request.raw)
    stamp(app, request, reply)
    requirePlainRequest(request.raw, publicHost)
    if (isClosing) throw tooMany('SERVICE_UNAVAILABLE', CLOSING_MS)
    if (!row?.body) requireSmallBody(request.raw)
    // A row has its own; what is posted to a page is a form.
    if (!row) requireBodyInTime(request.raw, bodyMs)
    // Fastify asks some methods for a body before it looks for their route: all are refused ahead of that.
    if (request.is404 && request.method !== 'OPTIONS') refuseMethod(http, request)
    done()
  })
  http.addHook('preClose', async () => {
    isClosing = true
    closeUnasked(http.server)
  })
  http.addHook('onSend', (request, reply, _payload, done) => {
    if (request.answerHeaders) reply.headers(request.answerHeaders)
    if (isClosing || isLargeAndUnread(request.raw)) reply.header('connection', 'close')
    atEndOfTurn(done)
  })
  if (app.log.hearsRequests) tellRequests(app, http)
  http.setErrorHandler((cause, request, reply) => {
    const error = asApiError(cause)
    request.refusal = error.code
    if (error.status >= 500) {
      app.log.error({
        event: 'failed',
        requestId: request.id,
        code: error.code,
        cause: error.cause,
      })
    }
    // Not the reply itself: it would be waited for, as a promise is.
    sendError(request, reply, error)
  })
}

/** A line for each request, when its answer has gone. */
function tellRequests(app: App, http: Http): void {
  http.addHook('onResponse', (request, reply, done) => {
    app.log.info({
      event: 'request',
      requestId: request.id,
      method: request.method,
      route: request.row?.path ?? request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ...(request.refusal ? { code: request.refusal } : {}),
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      source: request.origin?.source ?? '',
    })
    done()
  })
}

/** A path that is not there, or one that does not take the method: that is told with what it takes. */
function refuseTheRest(http: Http): void {
  http.setNotFoundHandler(async (request, reply) =>
    reply.code(204).header('allow', allowed(http, request)).send(),
  )
}

function refuseMethod(http: Http, request: FastifyRequest): never {
  throw new ApiError('METHOD_NOT_ALLOWED', { headers: { allow: allowed(http, request) } })
}

/** What the path of a request takes; 404 when it is none of ours. */
function allowed(http: Http, request: FastifyRequest): string {
  const methods = methodsOf(http, pathOf(request.url))
  if (methods.length === 0) throw new ApiError('RESOURCE_NOT_FOUND')
  return [...methods, 'OPTIONS'].join(', ')
}

function methodsOf(http: Http, path: string): string[] {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
  return methods.filter(
    (method) => http.findRoute({ method, url: path }) !== null || matches(method, path),
  )
}

function matches(method: string, path: string): boolean {
  return routes.some((route) => {
    const pattern = new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`)
    const same = route.method === method || (route.method === 'GET' && method === 'HEAD')
    return same && pattern.test(path)
  })
}
