import { request as askPlainly } from 'node:http'
import { request as askSecurely } from 'node:https'
import { text as textOf } from 'node:stream/consumers'

/** One question to a server. The path is below `/v1`, unless it begins with `~`: then it is the server's own. */
export interface Question {
  readonly line: string
  readonly body?: unknown
  /** In place of `body`: exactly this text. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Heard {
  readonly line: string
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, before anybody checked it
  readonly body: any
}

/** Asks, and remembers every answer: some rules are about all of them. */
export interface Talk {
  ask(question: Question): Promise<Heard>
  /** Asks this server as if it were another host. Not remembered: what stands in front of it may have answered. */
  askAs(host: string, question: Pick<Question, 'line'>): Promise<Heard>
  readonly all: readonly Heard[]
}

const PATIENCE_MS = 30_000

export function talkWith(baseUrl: string): Talk {
  const all: Heard[] = []
  return {
    all,
    async ask({ line, body, text, headers = {} }) {
      const [method = 'GET', path = ''] = line.split(' ')
      const sent = text ?? (body === undefined ? null : JSON.stringify(body))
      const type = sent === null ? {} : { 'content-type': 'application/json' }
      const address = path.startsWith('~')
        ? new URL(baseUrl).origin + path.slice(1)
        : baseUrl + path
      const answer = await fetch(address, {
        method,
        headers: { ...type, ...headers },
        body: sent,
        redirect: 'manual',
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      const { status, headers: told } = answer
      const heard = { line, status, headers: told, body: parse(await answer.text()) }
      all.push(heard)
      return heard
    },
    askAs: (host, { line }) => askAs(host, baseUrl, line),
  }
}

/** The platform's fetch lets nobody choose the host. */
function askAs(host: string, baseUrl: string, line: string): Promise<Heard> {
  const [method = 'GET', path = ''] = line.split(' ')
  const address = new URL(baseUrl + path)
  const ask = address.protocol === 'https:' ? askSecurely : askPlainly
  return new Promise((resolve, reject) => {
    const asked = ask(address, {
      method,
      headers: { host },
      servername: address.hostname,
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    asked.once('error', reject)
    asked.once('response', (answer) => {
      const headers = new Headers()
      for (const [name, values] of Object.entries(answer.headersDistinct))
        for (const value of values ?? []) headers.append(name, value)
      const status = answer.statusCode ?? 0
      textOf(answer).then(
        (text) => resolve({ line: `${line} for ${host}`, status, headers, body: parse(text) }),
        reject,
      )
    })
    asked.end()
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
