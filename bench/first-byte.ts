import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, type Running } from '../server/src/app.ts'
import { makeApiKey } from '../server/src/auth/api-key.ts'
import { readConfig } from '../server/src/config.ts'
import { createLog } from '../server/src/log.ts'

/**
 * What the gateway adds to the first byte of a stream: the same question is asked of a model server on this machine
 * by itself, and through the gateway, with a key under no cap and with one under a cap. All three in turn, each over
 * a connection that stays.
 */
const ROUNDS = 1000
const WARM_UP = 100

const question = JSON.stringify({
  model: 'any',
  input: 'Hello dear world',
  stream: true,
  max_output_tokens: 50,
})
const events = [
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello"}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":4,"output_tokens":1}}}\n\n',
]

interface Way {
  readonly name: string
  readonly base: string
  readonly headers: Record<string, string>
  readonly times: number[]
}

const model = await startModel()
const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
const upstream = `http://127.0.0.1:${portOf(model)}/v1`
const config = readConfig({
  DATA_DIR: dataDir,
  HASH_THREADS: '1',
  UPSTREAM_URL: upstream,
  LIMITS: 'requests=off',
})
const running = await createApp(config, { log: createLog('error') })
running.start()
const agent = new Agent({ keepAlive: true })
try {
  await running.http.listen({ port: 0, host: '127.0.0.1' })
  const gateway = `http://127.0.0.1:${portOf(running.http.server)}/v1`
  const [free, capped] = await makeKeys(running)
  const ways: Way[] = [
    { name: 'the model server itself', base: upstream, headers: {}, times: [] },
    { name: 'a key under no cap', base: gateway, headers: { 'api-key': free }, times: [] },
    { name: 'a key under a cap', base: gateway, headers: { 'api-key': capped }, times: [] },
  ]
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const first = Math.abs(round) % ways.length
    for (const way of [...ways.slice(first), ...ways.slice(0, first)]) {
      const took = await timeFirstByte(way)
      if (round >= 0) way.times.push(took)
    }
  }
  report(ways)
} finally {
  agent.destroy()
  await running.close()
  model.close()
  rmSync(dataDir, { recursive: true, force: true })
}

async function startModel(): Promise<Server> {
  const server = createServer((asked, answer) => {
    asked.resume().once('end', () => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      answer.write(events[0])
      setImmediate(() => answer.end(events[1]))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function portOf(server: Running['http']['server'] | Server): number {
  return (server.address() as AddressInfo).port
}

async function makeKeys({ app }: Running): Promise<[free: string, capped: string]> {
  const now = app.now()
  const id = `usr_${'0'.repeat(32)}`
  const names = {
    address: 'ada@example.com',
    user_name: 'ada',
    full_name: null,
    password_hash: null,
  }
  const moments = { created_at: now, updated_at: now, last_login_at: null, disabled_at: null }
  await app.store.users.create({ id, ...names, ...moments })
  const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'bench' }
  const wish = { userId: id, name: 'k', scopes: ['responses'], expiresAt: null }
  const none = {
    tokens_per_day: null,
    tokens_per_month: null,
    money_per_day: null,
    money_per_month: null,
  }
  const free = await makeApiKey({ app, now, origin }, wish)
  const limits = { ...none, tokens_per_month: 1_000_000_000 }
  const capped = await makeApiKey({ app, now, origin }, { ...wish, limits })
  return [free?.key ?? '', capped?.key ?? '']
}

/** Milliseconds from the request to the first byte of its events. */
function timeFirstByte({ base, headers }: Way): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    let took = 0
    const asked = request(
      `${base}/responses`,
      { agent, method: 'POST', headers: { ...headers, 'content-type': 'application/json' } },
      (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`${answer.statusCode} instead of 200`))
        answer.once('data', () => {
          took = performance.now() - begun
        })
        answer.once('end', () => resolve(took))
        answer.once('error', reject)
      },
    )
    asked.once('error', reject)
    asked.end(question)
  })
}

function report(ways: readonly Way[]): void {
  const [bare] = ways
  const base = medianOf(bare?.times ?? [])
  const lines = ways.map(({ name, times }) => {
    const median = medianOf(times)
    const added = times === bare?.times ? '' : `   adds ${(median - base).toFixed(2)} ms`
    return `${name.padEnd(26)}first byte, median ${median.toFixed(2)} ms${added}`
  })
  process.stdout.write(`rounds ${ROUNDS}, one after the other\n${lines.join('\n')}\n`)
}

function medianOf(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0
}
