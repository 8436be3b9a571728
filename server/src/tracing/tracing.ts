import { setTimeout } from 'node:timers/promises'
import {
  type Context,
  context,
  isSpanContextValid,
  type ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Config } from '../config.ts'
import { ApiError } from '../errors.ts'
import { version } from '../version.ts'

const MOST_FLUSH_MS = 3000

/** What spans are made with. Only a server whose operator brought an SDK of OpenTelemetry has it. */
export interface Tracing {
  readonly tracer: Tracer
  /** Whether a trace that a trusted proxy began goes on here. */
  readonly joins: boolean
  /** Whether model servers are told of the trace. */
  readonly passesOn: boolean
  /** Sends what was not sent yet, before the server ends; not for long. */
  flush(): Promise<void>
}

/**
 * Null where nobody registered an SDK before the start: then there is no cover and no hook, and a request makes nothing
 * for it. What a real SDK starts has an id, sampled or not; what the API alone starts has none.
 */
export function createTracing({ traceContext }: Pick<Config, 'traceContext'>): Tracing | null {
  const tracer = trace.getTracer('freddy-auth', version)
  const first = tracer.startSpan('freddy-auth start', {}, ROOT_CONTEXT)
  first.end()
  if (!isSpanContextValid(first.spanContext())) return null
  return {
    tracer,
    joins: traceContext.includes('in'),
    passesOn: traceContext.includes('out'),
    flush: () =>
      Promise.race([flushProvider(), setTimeout(MOST_FLUSH_MS, undefined, { ref: false })]),
  }
}

/** The API keeps the operator's provider behind one of its own. */
async function flushProvider(): Promise<void> {
  const known: object = trace.getTracerProvider()
  const provider: unknown =
    'getDelegate' in known ? (known as ProxyTracerProvider).getDelegate() : known
  // An SDK that cannot reach its collector says so itself.
  await (provider as { forceFlush?: () => Promise<void> }).forceFlush?.().catch(() => {})
}

/** A span around a piece of work. Of a failure it tells the kind alone: its words may name somebody. */
export async function within<Answer>(
  { tracer }: Tracing,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<Answer>,
): Promise<Answer> {
  const span = tracer.startSpan(name, options)
  try {
    return await context.with(trace.setSpan(context.active(), span), work, undefined, span)
  } catch (cause) {
    span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', kindOf(cause))
    throw cause
  } finally {
    span.end()
  }
}

/** Whether there is something to hang a span on: what jobs do every second is no trace of its own. */
export function isTraced(): boolean {
  return trace.getActiveSpan() !== undefined
}

const shape = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** The trace that a `traceparent` header names (W3C Trace Context); a new one where it names none. */
export function parentOf(header: unknown): Context {
  const [, traceId, spanId, flags] = (typeof header === 'string' && shape.exec(header)) || []
  if (!traceId || !spanId || !flags) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags, 16) & 1
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

function kindOf(cause: unknown): string {
  if (cause instanceof ApiError) return cause.code
  return cause instanceof Error ? cause.name : 'unknown'
}
