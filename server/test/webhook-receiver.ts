import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { Webhook } from 'standardwebhooks'

/** What came, as it came. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly path: string
  readonly event: {
    readonly id: string
    readonly type: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

type Reply = (received: Received) => number | Promise<number>

/** A server of the operator's, which takes events over real HTTP. */
export async function startReceiver() {
  const received: Received[] = []
  let reply: Reply = () => 200
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const event = body ? JSON.parse(body) : {}
    const { headers, url: path = '' } = request
    const each = { headers, body, path, event }
    received.push(each)
    const status = await reply(each)
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('words')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    reply: (next: Reply) => {
      reply = next
    },
    types: () => received.map(({ event }) => event.type),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Whether the published library of Standard Webhooks takes it at this moment. */
export function isGenuine(secret: string, { headers, body }: Received, now: number): boolean {
  const told = {
    'webhook-id': String(headers['webhook-id']),
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  }
  assert.match(told['webhook-timestamp'], /^\d{10}$/)
  mock.timers.enable({ apis: ['Date'], now })
  try {
    new Webhook(secret).verify(body, told)
    return true
  } catch {
    return false
  } finally {
    mock.timers.reset()
  }
}
