import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import { parentOf, type Tracing } from '../tracing/tracing.ts'
import { timesSent } from './edge.ts'
import type { Origins } from './origin.ts'
import type { Http } from './server.ts'

/**
 * A span for each request, around everything that is done for it: its route as the table of contents has it, the
 * status, our request id. Not its path, which may hold a secret, nor where it came from.
 */
export function traceRequests({ tracer, joins }: Tracing, http: Http, origins: Origins): void {
  const traces = new WeakMap<FastifyRequest, { readonly span: Span; readonly within: Context }>()
  http.addHook('onRequest', (request, _reply, done) => {
    const { config, url } = request.routeOptions
    const route = config.row?.path ?? url ?? 'none'
    const method = route === 'none' ? 'OTHER' : request.method
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      'freddy.request_id': request.id,
    }
    const parent = joins ? believed(request, origins) : ROOT_CONTEXT
    const span = tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes },
      parent,
    )
    const within = trace.setSpan(parent, span)
    traces.set(request, { span, within })
    context.with(within, done)
  })
  // A body comes by the socket, which knows nothing of the request's context.
  http.addHook('preValidation', (request, _reply, done) => {
    context.with(traces.get(request)?.within ?? ROOT_CONTEXT, done)
  })
  http.addHook('onResponse', (request, reply, done) => {
    const span = traces.get(request)?.span
    span?.setAttribute('http.response.status_code', reply.statusCode)
    if (request.refusal) span?.setAttribute('error.type', request.refusal)
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR })
    span?.end()
    done()
  })
}

/** A stranger must not choose ids that others' traces have, nor what is kept: a trusted proxy's word counts, once. */
function believed(request: FastifyRequest, origins: Origins): Context {
  const { raw, headers } = request
  if (!origins.isProxy(raw.socket.remoteAddress ?? '')) return ROOT_CONTEXT
  return timesSent(raw, 'traceparent') === 1 ? parentOf(headers.traceparent) : ROOT_CONTEXT
}
