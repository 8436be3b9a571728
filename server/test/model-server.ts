import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Freddy } from './freddy.ts'

/** What the model server heard: the bytes themselves, so that a test can see what was changed. */
export interface Heard {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Behaviour = (answer: ServerResponse, heard: Heard) => void | Promise<void>

/** A model server that behaves as a test tells it: well, slowly, or not at all. */
export interface ModelServer {
  readonly url: string
  readonly heard: readonly Heard[]
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

export async function startModelServer(): Promise<ModelServer> {
  const heard: Heard[] = []
  const sockets = new Set<Socket>()
  let behaviour: Behaviour = (answer) => json(answer, { object: 'list', data: [] })
  const server: Server = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const ask = { method, path, headers, body: Buffer.concat(chunks).toString() }
      heard.push(ask)
      void behaviour(answer, ask)
    })
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    heard,
    behave(next) {
      behaviour = next
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function json(answer: ServerResponse, value: unknown, status = 200): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

export function beginEvents(answer: ServerResponse): void {
  answer.writeHead(200, { 'content-type': 'text/event-stream' })
}

export const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`

/** A response as OpenAI's server sends it: no output_text. */
export const response = (text: string, usage: unknown = { input_tokens: 3, output_tokens: 2 }) => ({
  id: 'resp_upstream1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'big-1',
  output: [
    {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
    },
  ],
  usage,
})

/** The tokens of each call that is on the books, in the order of the calls. */
export async function booked(freddy: Freddy): Promise<number[]> {
  await freddy.running.app.usage.flush()
  const rows = await freddy.database.read<{ tokens: number }>(
    'SELECT input_tokens + output_tokens AS tokens FROM usage_entries ORDER BY happened_at, id',
  )
  return rows.map(({ tokens }) => tokens)
}
