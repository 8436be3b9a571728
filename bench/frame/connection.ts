import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** Head and body; each byte a character. */
  readonly text: string
  /** When the first byte of the body came, by `performance.now()`. */
  readonly firstByteAt: number
}

/** One keep-alive connection that asks one thing at a time, with as little work as HTTP/1.1 leaves. */
export interface Connection {
  /** Calls back exactly once; with null when the connection broke instead. */
  ask(request: string, answered: (answer: Answer | null) => void): void
  /** The same for who waits; fails when the connection broke. */
  answerTo(request: string): Promise<Answer>
  close(): void
}

const HEAD_ENDS = '\r\n\r\n'
const LAST_CHUNK = '0\r\n\r\n'
const BUFFER_BYTES = 64 * 1024

export function openConnection(port: number, host = '127.0.0.1'): Connection {
  let socket: Socket | null = null
  let waiting: ((answer: Answer | null) => void) | null = null
  let heard = ''
  let firstByteAt = 0

  const settle = (answer: Answer | null) => {
    const answered = waiting
    waiting = null
    heard = ''
    firstByteAt = 0
    answered?.(answer)
  }
  const drop = (old: Socket) => {
    if (socket !== old) return
    socket = null
    settle(null)
  }
  const hear = (count: number, bytes: Uint8Array) => {
    heard += (bytes as Buffer).toString('latin1', 0, count)
    const head = heard.indexOf(HEAD_ENDS)
    if (head < 0) return true
    const body = head + HEAD_ENDS.length
    if (!firstByteAt && heard.length > body) firstByteAt = performance.now()
    if (!isWhole(heard, body)) return true
    // A server that says goodbye is left alone: the next question goes to a new connection.
    if (/\r\nconnection: close\r\n/i.test(heard.slice(0, body))) {
      const old = socket
      socket = null
      old?.destroy()
    }
    settle({ status: Number(heard.slice(9, 12)), text: heard, firstByteAt })
    return true
  }
  const reach = () => {
    const onread = { buffer: Buffer.allocUnsafe(BUFFER_BYTES), callback: hear }
    const opened = connect({ port, host, noDelay: true, onread })
    opened.on('error', () => {})
    opened.on('close', () => drop(opened))
    return opened
  }
  const ask: Connection['ask'] = (request, answered) => {
    waiting = answered
    socket ??= reach()
    socket.write(request, 'latin1')
  }
  return {
    ask,
    answerTo: (request) =>
      new Promise((resolve, reject) => {
        ask(request, (answer) =>
          answer ? resolve(answer) : reject(new Error('the connection broke')),
        )
      }),
    close() {
      const old = socket
      socket = null
      old?.destroy()
    },
  }
}

function isWhole(text: string, body: number): boolean {
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? []
  if (length !== undefined) return text.length >= body + Number(length)
  return text.endsWith(LAST_CHUNK) || /^HTTP\/1.1 (204|304)/.test(text)
}
