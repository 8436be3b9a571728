import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Principal } from '../auth/principal.ts'
import type { App, Call, Origin } from '../context.ts'
import { ApiError, type ErrorCode } from '../errors.ts'
import { type Route, routes } from '../routes.ts'
import { parseForm } from '../wire/form.ts'
import { parseJson } from '../wire/json.ts'
import { asApiError, sendError } from './answer.ts'
import { isLargeAndUnread, requestId, requirePlainRequest, requireSmallBody } from './edge.ts'
import {
  bodyLimit,
  identify,
  requireBodyType,
  requireRight,
  retirementHeaders,
  spendCall,
} from './guards.ts'
import { openApi } from './openapi.ts'
import { createOrigins, type Origins } from './origin.ts'
import type { BrokenRequest } from './sockets.ts'
import { carriedOf, sendAnswer } from './streaming.ts'
import { type Patience, patience, strictServer } from './strict-server.ts'
import { validatorFor } from './validator.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once by the first hook and the guards, in the order of contract section 3. */
    origin: Origin
    principal: Principal | null
    startedAt: number
    /** The body of a gateway request as it came. */
    bytes: Buffer | null
    answerHeaders: Record<string, string>
    /** The code of the error that it was answered with. */
    refusal: ErrorCode | undefined
  }
}

const AUTH_DEPTH = 16
const GATEWAY_DEPTH = 64

export type Http = FastifyInstance

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
    logger: false,
    exposeHeadRoutes: true,
    // A response's id carries whose it is.
    routerOptions: { maxParamLength: 512 },
    return503OnClosing: true,
    // Broken requests are answered in strict-server.ts; a second handler would cut that answer off.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => {
      void sendError(request as FastifyRequest, reply as FastifyReply, asApiError(error))
    },
  })
  http.setValidatorCompiler(validatorFor)
  http.removeAllContentTypeParsers()
  http.decorateRequest('startedAt', 0)
  http.decorateRequest('principal', null)
  http.decorateRequest('bytes', null)
  http.decorateRequest('refusal', undefined)
  greet(app, http, origins)
  await openApi(http)
  http.after(() => {
    for (const route of routes) serve(app, http, route, bounds)
    pages(http)
  })
  refuseTheRest(http)
  return http
}

/** What holds for every request, whatever it wants. */
function greet(app: App, http: Http, origins: Origins): void {
  const publicHost = app.config.publicUrl ? new URL(app.config.publicUrl).hostname : null
  const isHttps = app.config.publicUrl?.startsWith('https://') ?? false
  http.addHook('onRequest', async (request, reply) => {
    request.startedAt = app.now()
    request.answerHeaders = {}
    request.origin = origins.of(request.raw)
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' })
    if (isHttps) reply.header('strict-transport-security', 'max-age=31536000')
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    requirePlainRequest(request.raw, publicHost)
    const { row } = request.routeOptions.config as { row?: Route }
    if (!row?.body) requireSmallBody(request.raw)
  })
  let isClosing = false
  http.addHook('preClose', async () => {
    isClosing = true
  })
  http.addHook('onSend', async (request, reply) => {
    if (request.answerHeaders) reply.headers(request.answerHeaders)
    if (isClosing || isLargeAndUnread(request.raw)) reply.header('connection', 'close')
  })
  http.addHook('onResponse', async (request, reply) => {
    app.log.info({
      event: 'request',
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ...(request.refusal ? { code: request.refusal } : {}),
      milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      source: request.origin?.source ?? '',
    })
  })
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
    return sendError(request, reply, error)
  })
}

/** One row of the table of contents, with its checks in the order of contract section 3. */
function serve(app: App, http: Http, route: Route, { bodyMs }: Patience): void {
  void http.register(async (scope) => {
    const depth = route.gateway ? GATEWAY_DEPTH : AUTH_DEPTH
    const json = { parseAs: 'buffer', bodyLimit: bodyLimit(app, route) } as const
    const parse = async (request: FastifyRequest, bytes: Buffer) => {
      if (route.gateway) request.bytes = bytes
      return parseJson(bytes, depth)
    }
    const parseFields = async (_request: FastifyRequest, bytes: Buffer) => parseForm(bytes)
    if (route.body) scope.addContentTypeParser<Buffer>(/^application\/json/i, json, parse)
    else scope.addContentTypeParser('*', async () => undefined)
    if (route.form)
      scope.addContentTypeParser<Buffer>(/^application\/x-www-form-urlencoded/i, json, parseFields)
    scope.route({
      method: route.method,
      url: route.path,
      schema: schemaOf(route),
      bodyLimit: bodyLimit(app, route),
      config: { row: route },
      onRequest: async (request) => {
        requireBodyType(app, route, request)
        const { origin, startedAt } = request
        request.principal = await identify(app, route, request, origin, startedAt)
        Object.assign(request.answerHeaders, retirementHeaders(request.principal))
        const told = await spendCall(app, route, request.principal, request, startedAt)
        Object.assign(request.answerHeaders, told)
        if (route.body && !route.gateway) requireBodyInTime(request, bodyMs)
      },
      preValidation: async (request) => {
        if (route.bodyOptional && request.body === undefined) request.body = {}
      },
      preHandler: async (request) => requireRight(app, route, request.principal),
      handler: async (request, reply) => {
        reply.code(route.status)
        return sendAnswer(reply, await route.verb(callOf(app, route, request, reply)))
      },
    })
  })
}

function callOf(app: App, route: Route, request: FastifyRequest, reply: FastifyReply): Call {
  const { body, params, query, principal, origin, startedAt, answerHeaders, id } = request
  const carried = carriedOf(route, request, reply)
  const asked = { app, body, params, query, principal, origin, carried, requestId: id }
  return { ...asked, now: startedAt, headers: answerHeaders }
}

function schemaOf(route: Route) {
  const { body, params, query, answer, status, form } = route
  return {
    ...(body ? { body } : {}),
    ...(form ? { consumes: ['application/json', 'application/x-www-form-urlencoded'] } : {}),
    ...(params ? { params } : {}),
    querystring: query ?? { type: 'object', properties: {}, additionalProperties: false },
    response: { [status]: answer },
  }
}

function requireBodyInTime(request: FastifyRequest, bodyMs: number): void {
  const { raw } = request
  const timer = setTimeout(() => raw.destroy(), bodyMs).unref()
  raw.once('close', () => clearTimeout(timer))
  raw.once('end', () => clearTimeout(timer))
}

/** A path that is not there, or one that does not take the method: that is told with what it takes. */
function refuseTheRest(http: Http): void {
  http.setNotFoundHandler(async (request, reply) =>
    reply.code(204).header('allow', allowed(http, request)).send(),
  )
  // Fastify asks some methods for a body before it looks for their route: all are refused ahead of that.
  http.addHook('onRequest', async (request) => {
    if (!request.is404) return
    const allow = allowed(http, request)
    if (request.method !== 'OPTIONS')
      throw new ApiError('METHOD_NOT_ALLOWED', { headers: { allow } })
  })
}

/** What the path of a request takes; 404 when it is none of ours. */
function allowed(http: Http, request: FastifyRequest): string {
  const [path = ''] = request.url.split('?', 1)
  const methods = methodsOf(http, path)
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
