import { request as askPlain, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { request as askSecure } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

const PATIENCE_MS = 8000
const MOST_CHARACTERS = 100_000

export interface Heard {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The port that we called from: who hears of another has somebody in between. */
  readonly localPort: number
  readonly remotePort: number
  /** When the certificate ends, in milliseconds; null without TLS. */
  readonly certificateEnds: number | null
}

/** One request as it stands here, followed nowhere. */
export function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Heard> {
  const options: RequestOptions = {
    headers,
    agent: false,
    signal: AbortSignal.timeout(PATIENCE_MS),
  }
  const open = url.startsWith('https:') ? askSecure : askPlain
  return new Promise((resolve, reject) => {
    const asked = open(url, options, (answer) => {
      const { localPort = 0, remotePort = 0 } = answer.socket
      const certificateEnds = endOf(answer.socket)
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        if (text.length < MOST_CHARACTERS) text += part
      })
      answer.once('error', reject)
      answer.once('end', () => {
        const { statusCode: status = 0, headers: heard } = answer
        resolve({ status, headers: heard, text, localPort, remotePort, certificateEnds })
      })
    })
    asked.once('error', reject)
    asked.end()
  })
}

function endOf(socket: Socket): number | null {
  const { getPeerCertificate } = socket as Partial<TLSSocket>
  return getPeerCertificate ? Date.parse(getPeerCertificate.call(socket).valid_to) : null
}
