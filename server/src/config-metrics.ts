import { knob, type Reader } from './config-values.ts'

export interface MetricsConfig {
  /** Where metrics are told on a port of their own; null when nowhere. */
  readonly metricsAt: Place | null
  /** What asks for `/metrics` as bearer; null when nobody may. */
  readonly metricsToken: string | null
  /** `in`: a trace goes on here that a trusted proxy began; `out`: model servers are told of it. */
  readonly traceContext: readonly ('in' | 'out')[]
}

export interface Place {
  readonly host: string
  readonly port: number
}

export const metricsKnobs = {
  METRICS_PORT: knob(
    'a port, or address:port',
    '',
    'Where Prometheus reads metrics, on 127.0.0.1 unless an address is named (docs/metrics.md); nowhere when empty.',
    placeOf,
  ),
  METRICS_TOKEN: knob(
    '16 to 256 characters without spaces',
    '',
    'What Prometheus sends as bearer; with it metrics are also at /metrics of the server itself.',
    tokenOf,
  ),
  TRACE_CONTEXT: knob(
    'in, out or in,out',
    '',
    'With an SDK of OpenTelemetry (docs/traces.md): whether traces of trusted proxies go on here (in), and in model servers (out).',
    directionsOf,
  ),
}

function directionsOf(text: string): readonly ('in' | 'out')[] | undefined {
  const known = { in: ['in'], out: ['out'], 'in,out': ['in', 'out'] } as const
  return Object.hasOwn(known, text) ? known[text as keyof typeof known] : undefined
}

function placeOf(text: string): ReturnType<Reader<Place>> {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:]+)\]:|([A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits ?? Number.NaN)
  return port <= 65_535 ? { host: bracketed ?? plain ?? '127.0.0.1', port } : undefined
}

function tokenOf(text: string): string | undefined {
  return /^[!-~]{16,256}$/.test(text) ? text : undefined
}
