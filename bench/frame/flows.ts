import { deriveCode } from '../../server/src/auth/code.ts'
import { createKeyring, keyedHash } from '../../server/src/auth/keyring.ts'
import type { Answer } from './connection.ts'

/** One request, and what follows from its answer: another one, or null when the piece of work is done. */
export interface Step {
  readonly request: string
  follow(answer: Answer): Step | null
}

/** An answer that is not what it has to be: a run with one does not count. */
export class Wrong extends Error {
  override readonly name = 'Wrong'
}

export interface Line {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What every answer has to be. */
export interface Expected {
  readonly status: number
  /** A field as it stands in the answer. */
  readonly has: string
}

/** What a connection asks for; it crosses to the process that asks, so it holds no functions. */
export type Flow =
  | {
      readonly kind: 'each'
      /** Asked in turn; `credentials` replace the word CREDENTIAL in its headers and body, one a request. */
      readonly line: Line
      readonly credentials: readonly string[]
      readonly expected: Expected
    }
  | { readonly kind: 'rotate'; readonly path: string; readonly tokens: readonly string[] }
  | ({ readonly kind: 'sign-in'; readonly stop: SignInStop; readonly secret: string } & People)

interface People {
  readonly people: readonly string[]
  readonly password: string
}

/** Where a story of signing in ends. */
export type SignInStop = 'login' | 'verify' | 'call'

const PLACE = 'CREDENTIAL'

/** Begins a piece of work on the connection of this number. */
export type Begin = (connection: number) => Step

export function beginning(flow: Flow): Begin {
  if (flow.kind === 'each') return askEach(flow)
  return flow.kind === 'rotate' ? rotate(flow) : signIn(flow)
}

function askEach({ line, credentials, expected }: Flow & { kind: 'each' }): Begin {
  const [example = ''] = credentials
  if (credentials.some((each) => each.length !== example.length)) {
    throw new Error('credentials of more than one length')
  }
  const whole = spell(line, example.length - PLACE.length)
  const parts = whole.split(PLACE)
  let next = 0
  const follow = (answer: Answer) => {
    require(answer, expected)
    return null
  }
  if (parts.length === 1) return () => ({ request: whole, follow })
  return () => {
    const credential = credentials[next++ % credentials.length] ?? ''
    return { request: parts.join(credential), follow }
  }
}

/** Each connection renews a token of its own with the newest that it was given. */
function rotate({ path, tokens }: Flow & { kind: 'rotate' }): Begin {
  const current = [...tokens]
  return (connection) => ({
    request: spell({
      method: 'POST',
      path,
      body: { refresh_token: current[connection], rotate: true },
    }),
    follow(answer) {
      require(answer, { status: 200, has: '"refreshToken":"' })
      current[connection] = fieldOf(answer, 'refreshToken')
      return null
    },
  })
}

/** The whole story: the password, the code that was mailed, a new token, a call with it. */
function signIn({ people, password, secret, stop }: Flow & { kind: 'sign-in' }): Begin {
  const keyring = createKeyring([secret])
  let next = 0
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    spell({ method: 'POST', path, body, headers })
  const call = (token: string): Step => ({
    request: post('/v1/responses', echoBody, { authorization: `Bearer ${token}` }),
    follow: (answer) => {
      require(answer, { status: 200, has: '"object":"response"' })
      return null
    },
  })
  const renew = (token: string): Step => ({
    request: post('/v1/auth/refresh', { refresh_token: token }),
    follow: (answer) => {
      require(answer, { status: 200, has: '"token":"' })
      return call(fieldOf(answer, 'token'))
    },
  })
  const verify = (key: string): Step => ({
    request: post('/v1/auth/verify', { email_key: key, verification_code: codeOf(keyring, key) }),
    follow: (answer) => {
      require(answer, { status: 200, has: '"refreshToken":"' })
      return stop === 'verify' ? null : renew(fieldOf(answer, 'refreshToken'))
    },
  })
  return () => {
    const who = people[next++ % people.length]
    return {
      request: post('/v1/auth/login', { email_or_username: who, password }),
      follow: (answer) => {
        require(answer, { status: 200, has: '"email_key":"uuid-' })
        return stop === 'login' ? null : verify(fieldOf(answer, 'email_key'))
      },
    }
  }
}

export const echoBody = { model: 'echo-1', messages: [{ role: 'user', content: 'Hello world' }] }

/** The code is derived from its key, so who knows the server's secret needs no mailbox. */
function codeOf(keyring: ReturnType<typeof createKeyring>, emailKey: string): number {
  const id = keyedHash(keyring.current.of.challenge, emailKey)
  const challenge = { id, purpose: 'login', generation: 1, digits: 4 } as const
  return Number(deriveCode(keyring.current, challenge))
}

/** `longer`: by how much a credential is longer than the word that stands for it. */
function spell({ method, path, headers = {}, body }: Line, longer = 0): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const all: Record<string, string> = { host: 'localhost', ...headers }
  if (body !== undefined) {
    all['content-type'] = 'application/json'
    const grows = text.includes(PLACE) ? longer : 0
    all['content-length'] = String(Buffer.byteLength(text) + grows)
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`
}

function require({ status, text }: Answer, expected: Expected): void {
  if (status === expected.status && text.includes(expected.has)) return
  throw new Wrong(`${status} instead of ${expected.status} with ${expected.has}: ${text}`)
}

function fieldOf({ text }: Answer, name: string): string {
  const start = text.indexOf(`"${name}":"`) + name.length + 4
  return text.slice(start, text.indexOf('"', start))
}
