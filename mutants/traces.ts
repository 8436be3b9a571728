import type { Mutant } from './mutant.ts'

export const traces: readonly Mutant[] = [
  {
    name: 'a server without an SDK has no covers',
    file: 'tracing/tracing.ts',
    find: '  if (!isSpanContextValid(first.spanContext())) return null\n',
    replace: '',
    tests: 'traces.test.ts',
    named: 'a server whose operator',
  },
  {
    name: 'a stranger begins no trace of ours',
    file: 'http/trace-requests.ts',
    find: "  if (!origins.isProxy(raw.socket.remoteAddress ?? '')) return ROOT_CONTEXT\n",
    replace: '',
    tests: 'traces.test.ts',
    named: 'with TRACE_CONTEXT',
  },
  {
    name: 'nor a proxy where the operator did not say so',
    file: 'http/trace-requests.ts',
    find: 'joins ? believed(request, origins) : ROOT_CONTEXT',
    replace: 'joins ? ROOT_CONTEXT : believed(request, origins)',
    tests: 'traces.test.ts',
    named: 'a stranger begins',
  },
  {
    name: 'model servers hear of our traces only where the operator says so',
    file: 'tracing/trace-app.ts',
    find: 'tracing.passesOn ? traced : ask',
    replace: 'tracing ? traced : ask',
    tests: 'traces.test.ts',
    named: 'a stranger begins',
  },
  {
    name: 'a span tells a route and not a path',
    file: 'http/trace-requests.ts',
    find: "config.row?.path ?? url ?? 'none'",
    replace: 'url ? request.url : (config.row?.path ?? request.url)',
    tests: 'traces.test.ts',
    named: 'no span holds',
  },
  {
    name: 'what waits is sent when the server ends',
    file: 'app.ts',
    find: '    await tracing?.flush()\n',
    replace: '',
    tests: 'traces.test.ts',
    named: 'its file sends',
  },
]
