import { parseArgs } from 'node:util'
import { requireRight } from './frame/compare.ts'
import type { Flow } from './frame/flows.ts'
import type { Outcome } from './frame/generator.ts'
import { aimLoad } from './frame/load.ts'
import { spreadOf } from './frame/statistics.ts'

/**
 * `npm run bench -- url http://… [--method POST] [--header "name: value"]… [--json '{…}'] [--has TEXT]`: any server that speaks HTTP,
 * asked by the generator of every other measurement. What is not answered with the status and the text does not count.
 */
const { positionals, values } = parseArgs({
  args: process.argv.slice(3),
  allowPositionals: true,
  options: {
    method: { type: 'string', default: 'GET' },
    header: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    status: { type: 'string', default: '200' },
    /** Stands in every answer. */
    has: { type: 'string', default: '' },
    connections: { type: 'string', default: '32' },
    /** Calls a second; as many as are answered without it. */
    rate: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1.5' },
  },
})
const WARM_UP_SECONDS = 2

const asked = new URL(positionals[0] ?? 'http://127.0.0.1:8080/livez')
if (asked.protocol !== 'http:') throw new Error('The generator speaks HTTP without TLS')
const flow: Flow = {
  kind: 'each',
  line: {
    method: values.method === 'POST' ? 'POST' : 'GET',
    path: `${asked.pathname}${asked.search}`,
    headers: { host: asked.host, ...Object.fromEntries(values.header.map(split)) },
    ...(values.json ? { json: JSON.parse(values.json) as unknown } : {}),
  },
  credentials: [''],
  expected: { status: Number(values.status), has: values.has },
}
const load = await aimLoad({
  host: asked.hostname,
  port: Number(asked.port || 80),
  connections: Number(values.connections),
  flow,
})
const rate = values.rate ? { rate: Number(values.rate) } : {}
const rounds: Outcome[] = []
try {
  await load.run({ seconds: WARM_UP_SECONDS, ...rate })
  for (let round = 0; round < Number(values.rounds); round++) {
    const outcome = await load.run({ seconds: Number(values.seconds), ...rate })
    rounds.push(requireRight(asked.href, outcome))
  }
} finally {
  await load.end()
}
tell('answers a second', ({ done, seconds }) => done / seconds)
tell('p50, ms', ({ p50 }) => p50)
tell('p99, ms', ({ p99 }) => p99)
tell('p99.9, ms', ({ p999 }) => p999)

function tell(name: string, of: (round: Outcome) => number): void {
  const { median, least, most } = spreadOf(rounds.map(of))
  const [middle, from, to] = [median, least, most].map((value) => value.toFixed(1))
  process.stdout.write(`${name.padEnd(18)}${middle} (${from} to ${to})\n`)
}

function split(header: string): [name: string, value: string] {
  const colon = header.indexOf(':')
  return [header.slice(0, colon).trim().toLowerCase(), header.slice(colon + 1).trim()]
}
