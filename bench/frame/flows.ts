import { deriveCode } from '../../server/src/auth/code.ts'
import { createKeyring, keyedHash } from '../../server/src/auth/keyring.ts'
import type { Answer } from './connection.ts'

/** One request, and what follows from its answer: another one, or null when the piece of work is done or was turned away. */
export interface Step {
  readonly request: string
  follow(answer: Answer): Step | 'turned away' | null
}

/** An answer that is not what it has to be: a run with one does not count. */
export class Wrong extends Error {
  override readonly name = 'Wrong'
}

/** A request; the word CREDENTIAL in it stands for one of those that the flow has, SOURCE for an address of its own. */
export interface Line {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: string
}

/** What every answer has to be. */
export interface Expected {
  readonly status: number
  /** A field as it stands in the answer. */
  readonly has: string
  /** Right as well, and counted by itself: the work is not done. */
  readonly turnsAway?: true
}

/** What the connections ask for; it crosses to the process that asks, so it holds no functions. */
export type Flow = EachFlow | RotateFlow | SignInFlow | MixedFlow

/** The same request with one credential after the other. */
export interface EachFlow {
  readonly kind: 'each'
  readonly line: Line
  readonly credentials: readonly string[]
  /** Several, where a refusal is right as well. */
  readonly expected: Expected | readonly Expected[]
}

/** Each connection renews a token of its own with the newest that it was given. */
export interface RotateFlow {
  readonly kind: 'rotate'
  readonly line: Line
  readonly tokens: readonly string[]
  /** Where the new one stands in the answer. */
  readonly field: string
}

/** The password, the code that was mailed, a new token, a call with it; or only its first steps. */
export interface SignInFlow {
  readonly kind: 'sign-in'
  readonly stop: 'login' | 'verify' | 'call'
  readonly people: readonly string[]
  readonly password: string
  /** The server's: codes are derived from it, so nobody has to read mail. */
  readonly secret: string
}

/** Pieces of work of several kinds, always in the same order, by their shares. */
export interface MixedFlow {
  readonly kind: 'mixed'
  readonly parts: readonly { readonly share: number; readonly flow: Flow }[]
}

const PLACE = 'CREDENTIAL'
const SOURCE = 'SOURCE'

/** Begins a piece of work on the connection of this number. */
export type Begin = (connection: number) => Step

export function beginning(flow: Flow): Begin {
  if (flow.kind === 'each') return askEach(flow)
  if (flow.kind === 'rotate') return rotate(flow)
  return flow.kind === 'mixed' ? mix(flow) : signIn(flow)
}

function askEach({ line, credentials, expected }: EachFlow): Begin {
  const requests = credentials.map((credential, index) =>
    spell(line, credential).replace(SOURCE, addressOf(index)),
  )
  const right = [expected].flat()
  let next = 0
  const follow = (answer: Answer) => {
    return require(answer, ...right).turnsAway ? 'turned away' : null
  }
  return () => ({ request: requests[next++ % requests.length] ?? '', follow })
}

function rotate({ line, tokens, field }: RotateFlow): Begin {
  const current = [...tokens]
  return (connection) => ({
    request: spell(line, current[connection]),
    follow(answer) {
      require(answer, { status: 200, has: `"${field}":"` })
      current[connection] = fieldOf(answer, field)
      return null
    },
  })
}

function signIn({ people, password, secret, stop }: SignInFlow): Begin {
  const keyring = createKeyring([secret])
  let next = 0
  const step = (line: Line, has: string, follow: (answer: Answer) => Step | null): Step => ({
    request: spell(line),
    follow(answer) {
      require(answer, { status: 200, has })
      return follow(answer)
    },
  })
  const call = (token: string) =>
    step(echoCall(`Bearer ${token}`), '"object":"response"', () => null)
  const renew = (refresh_token: string) =>
    step(post('/v1/auth/refresh', { refresh_token }), '"token":"', (answer) =>
      call(fieldOf(answer, 'token')),
    )
  const verify = (email_key: string) => {
    const body = { email_key, verification_code: codeOf(keyring, email_key) }
    return step(post('/v1/auth/verify', body), '"refreshToken":"', (answer) =>
      stop === 'verify' ? null : renew(fieldOf(answer, 'refreshToken')),
    )
  }
  return () => {
    const body = { email_or_username: people[next++ % people.length], password }
    return step(post('/v1/auth/login', body), '"email_key":"uuid-', (answer) =>
      stop === 'login' ? null : verify(fieldOf(answer, 'email_key')),
    )
  }
}

/** Whoever is furthest behind its share is next. */
function mix({ parts }: MixedFlow): Begin {
  const kinds = parts.map(({ share, flow }) => ({ share, begin: beginning(flow), behind: 0 }))
  return (connection) => {
    for (const kind of kinds) kind.behind += kind.share
    const next = kinds.reduce((most, kind) => (kind.behind > most.behind ? kind : most))
    next.behind -= 1
    return next.begin(connection)
  }
}

const post = (path: string, json: unknown): Line => ({ method: 'POST', path, json })

const echoBody = { model: 'echo-1', messages: [{ role: 'user', content: 'Hello world' }] }

/** A call of the built-in model by this credential. */
export function echoCall(authorization: string | null, header = 'authorization'): Line {
  const line = post('/v1/responses', echoBody)
  return authorization === null ? line : { ...line, headers: { [header]: authorization } }
}

/** The code is derived from its key, so who knows the server's secret needs no mailbox. */
function codeOf(keyring: ReturnType<typeof createKeyring>, emailKey: string): number {
  const id = keyedHash(keyring.current.of.challenge, emailKey)
  const challenge = { id, purpose: 'login', generation: 1, digits: 4 } as const
  return Number(deriveCode(keyring.current, challenge))
}

export function spell({ method, path, headers = {}, json, form }: Line, credential = ''): string {
  const body = (form ?? (json === undefined ? '' : JSON.stringify(json))).replace(PLACE, credential)
  const all: Record<string, string> = { host: 'localhost', ...headers }
  if (method === 'POST') {
    all['content-type'] = form ? 'application/x-www-form-urlencoded' : 'application/json'
    all['content-length'] = String(Buffer.byteLength(body))
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}`.replace(PLACE, credential)
  return `${head}\r\n\r\n${body}`
}

function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
}

function require({ status, text }: Answer, ...right: readonly Expected[]): Expected {
  const found = right.find((one) => status === one.status && text.includes(one.has))
  if (found) return found
  const wished = right.map((one) => `${one.status} with ${one.has}`).join(' or ')
  throw new Wrong(`${status} instead of ${wished}: ${text}`)
}

function fieldOf({ text }: Answer, name: string): string {
  const start = text.indexOf(`"${name}":"`) + name.length + 4
  return text.slice(start, text.indexOf('"', start))
}
