import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Case, Refusal, Reply, Rule } from './case.ts'
import { fits } from './fits.ts'

/** Every answer carries this id. */
export const REQUEST_ID = 'req_case'

/** The server of one case: it answers as the case says, and notes what the case does not know. */
export interface CaseServer {
  readonly baseUrl: string
  /** Refuses connections, and breaks those that are open. */
  down(): Promise<void>
  up(): Promise<void>
  /** What the client did that the case does not know, and what it left out. */
  problems(): string[]
}

interface Played {
  readonly rule: Rule
  asked: number
  readonly waiting: ServerResponse[]
}

interface Asked {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

export async function playCase({ server: rules }: Pick<Case, 'server'>): Promise<CaseServer> {
  const played: Played[] = rules.map((rule) => ({ rule, asked: 0, waiting: [] }))
  const strangers: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    read(request).then(
      (asked) => play(asked, response, played, strangers),
      () => response.destroy(),
    )
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    up: () => listen(server, port),
    down: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
    problems: () => [...strangers, ...played.flatMap(missing)],
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const { method, url, headers } = request
  return { line: `${method} ${url}`, headers, body: text === '' ? null : JSON.parse(text) }
}

function play(asked: Asked, response: ServerResponse, played: Played[], strangers: string[]): void {
  const found = played.find((one) => one.asked < timesOf(one.rule) && isFor(one.rule, asked))
  if (!found) {
    strangers.push(`the case knows no ${describe(asked)}`)
    // Not a status that a client tries again.
    answer(response, { refuse: { status: 400, code: 'NOT_IN_THIS_CASE' } })
    return
  }
  found.asked += 1
  found.waiting.push(response)
  if (found.asked < (found.rule.gather ?? 1)) return
  for (const waiting of found.waiting.splice(0)) answer(waiting, found.rule.answer)
}

function isFor({ on, headers = {}, body }: Rule, asked: Asked): boolean {
  if (asked.line !== on) return false
  const headersFit = Object.entries(headers).every(
    ([name, value]) => (asked.headers[name] ?? null) === value,
  )
  return headersFit && (body === undefined || fits(body, asked.body))
}

function answer(response: ServerResponse, reply: Reply): void {
  if (reply.lost) response.destroy()
  if (reply.lost || reply.silent) return
  const headers = { 'x-request-id': REQUEST_ID, ...reply.headers }
  const write = reply.events ? writeEvents : writeWhole
  write(response, reply, headers)
}

function writeWhole(response: ServerResponse, reply: Reply, headers: object): void {
  const { refuse, text } = reply
  const type = text === undefined ? 'application/json; charset=utf-8' : 'text/html'
  response.writeHead(refuse?.status ?? reply.status ?? 200, { 'content-type': type, ...headers })
  response.end(text ?? JSON.stringify(refuse ? envelope(refuse) : reply.body))
}

/** The events as they are; one that is cut ends without the last chunk of its answer. */
function writeEvents(
  response: ServerResponse,
  { events = [], cut, open }: Reply,
  headers: object,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  response.write(text.join(''), () => {
    if (cut) response.destroy()
    else if (!open) response.end()
  })
}

/** What a server of ours says when it refuses. */
function envelope({ status, code, details }: Refusal) {
  const message = `${code} in a case`
  const type = status >= 500 ? 'server_error' : 'client_error'
  const said = { code, message, system_message: message, type, status, trace_id: REQUEST_ID }
  return { success: false, error: details ? { ...said, details } : said }
}

function missing({ rule, asked }: Played): string[] {
  const times = timesOf(rule)
  return asked === times ? [] : [`${rule.on} was asked ${asked} times in place of ${times}`]
}

const timesOf = ({ times }: Rule) => times ?? 1

function describe({ line, headers, body }: Asked): string {
  const { authorization, 'api-key': key } = headers
  return `${line} with ${JSON.stringify({ authorization, 'api-key': key, body })}`
}
