import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App, Call } from '../context.ts'
import type { Route } from '../routes.ts'
import { type Soon, whenHere } from '../soon.ts'
import { parseForm } from '../wire/form.ts'
import { parseJson } from '../wire/json.ts'
import { asApiError } from './answer.ts'
import { type BodiesInHand, createBodiesInHand } from './bodies-in-hand.ts'
import { letBodyCome, requireBodyInTime } from './edge.ts'
import {
  bodyLimit,
  identify,
  requireBodyType,
  requireRight,
  retirementHeaders,
  spendCall,
} from './guards.ts'
import { rowSchema } from './row-schema.ts'
import type { Http } from './server.ts'
import { carriedOf, sendAnswer } from './streaming.ts'
import type { Patience } from './strict-server.ts'

const AUTH_DEPTH = 16
const GATEWAY_DEPTH = 64

/** The rows of the table of contents, each with its checks in the order of contract section 3. */
export function serve(app: App, http: Http, routes: readonly Route[], bounds: Patience): void {
  const scopes = new Map<string, Http>()
  const hands = createBodiesInHand(app.config.maxRequestBytes)
  for (const [kind, [first]] of Map.groupBy(routes, kindOfBody)) {
    // How bodies are read is told to a scope of Fastify, and a scope costs more than its routes do.
    http.register(async (scope) => {
      if (first) readBodies(app, scope, first)
      scopes.set(kind, scope)
    })
  }
  http.after(() => {
    for (const route of routes) {
      answerRow(app, scopes.get(kindOfBody(route)) ?? http, route, { ...bounds, hands })
    }
  })
}

function kindOfBody({ body, form, gateway }: Route): string {
  return `${body ? 'json' : 'none'}${form ? ' or form' : ''}${gateway ? ', large' : ''}`
}

/** How the bodies of one kind of routes are read; a route that takes none reads nothing. */
function readBodies(app: App, scope: Http, route: Route): void {
  if (!route.body) {
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
    return
  }
  const depth = route.gateway ? GATEWAY_DEPTH : AUTH_DEPTH
  const asBytes = { parseAs: 'buffer', bodyLimit: bodyLimit(app, route) } as const
  const json = reader((bytes) => parseJson(bytes, depth), route.gateway === true)
  scope.addContentTypeParser<Buffer>(/^application\/json/i, asBytes, json)
  if (!route.form) return
  const form = reader(parseForm, false)
  scope.addContentTypeParser<Buffer>(/^application\/x-www-form-urlencoded/i, asBytes, form)
}

/** A parser as Fastify has it. What it throws is told, since it is called from the socket. */
function reader(parse: (bytes: Buffer) => unknown, keepsBytes: boolean) {
  return (
    request: FastifyRequest,
    bytes: Buffer,
    done: (cause: Error | null, body?: unknown) => void,
  ): void => {
    if (keepsBytes) request.bytes = bytes
    request.inHand?.weighs(bytes.length)
    let body: unknown
    try {
      body = parse(bytes)
    } catch (cause) {
      done(asApiError(cause))
      return
    }
    done(null, body)
  }
}

interface Bounds extends Patience {
  readonly hands: BodiesInHand
}

function answerRow(app: App, scope: Http, route: Route, bounds: Bounds): void {
  scope.route({
    method: route.method,
    url: route.path,
    schema: rowSchema(route),
    bodyLimit: bodyLimit(app, route),
    config: { row: route },
    // A hook that calls `done` is not waited for, and one that answers with a promise is.
    onRequest(request, reply, done) {
      const admitted = admit(app, route, request, reply, bounds)
      if (admitted instanceof Promise) return admitted
      done()
      return undefined
    },
    ...(route.bodyOptional ? { preValidation: fillBody } : {}),
    handler: (request, reply) =>
      whenHere(requireRight(app, route, request.principal), () => {
        reply.code(route.status)
        const answer = route.verb(callOf(app, route, request, reply))
        return whenHere(answer, (made) => sendAnswer(reply, made))
      }),
  })
}

/** Who calls, and whether they may now; what they want is looked at afterwards. */
function admit(
  app: App,
  route: Route,
  request: FastifyRequest,
  { raw: response }: FastifyReply,
  { bodyMs, hands }: Bounds,
): Soon<void> {
  requireBodyType(app, route, request)
  return whenHere(identify(app, route, request), (principal) => {
    request.principal = principal
    Object.assign(request.answerHeaders, retirementHeaders(principal))
    return whenHere(spendCall(app, route, principal, request, request.startedAt), (told) => {
      Object.assign(request.answerHeaders, told)
      if (route.body && route.gateway && principal) {
        request.inHand = hands.take(principal.userId, request.raw, response)
      }
      if (route.body) letBodyCome(request.raw, response)
      if (route.body && !route.gateway) requireBodyInTime(request.raw, bodyMs)
    })
  })
}

function fillBody(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (request.body === undefined) request.body = {}
  done()
}

function callOf(app: App, route: Route, request: FastifyRequest, reply: FastifyReply): Call {
  const { body, params, query, principal, origin, id } = request
  return {
    app,
    body,
    params,
    query,
    principal,
    origin,
    carried: carriedOf(route, request, reply),
    now: request.startedAt,
    requestId: id,
    headers: request.answerHeaders,
  }
}
