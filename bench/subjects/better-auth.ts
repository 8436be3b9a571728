import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { ready, wishes } from '../frame/serving.ts'
import { PASSWORD } from '../scenarios/secrets.ts'
import { echoAnswer } from './answer.ts'
import { loadBetterAuth } from './better-auth-package.ts'

export interface BetterAuthWishes {
  readonly people: number
  /** How a call says whose it is; the plug-in that it takes is there only then. */
  readonly by: 'session' | 'cookie cache' | 'JWT' | 'API key'
  /** A PostgreSQL database; SQLite in a folder of its own without it. */
  readonly databaseUrl?: string
}

export interface BetterAuthTold {
  readonly people: readonly string[]
  /** Of the sessions: what the bearer plug-in takes. */
  readonly tokens: readonly string[]
  /** What a call is made with: a session's token, its cookies, a JWT or an API key. */
  readonly credentials: readonly string[]
}

const baseURL = 'http://localhost'
const { people: count, by, databaseUrl } = wishes<BetterAuthWishes>()
const better = await loadBetterAuth()

const options = {
  database: databaseUrl ? new pg.Pool({ connectionString: databaseUrl }) : openFile(),
  secret: 'Yw2Xt5Bd8Gf6Hj4Lm9No0TeRaIuEyP1sVnq0cQk3Zr7u',
  baseURL,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    better.bearer(),
    ...(by === 'JWT' ? [better.jwt()] : []),
    ...(by === 'API key' ? [better.apiKey({ rateLimit: { enabled: false } })] : []),
  ],
  ...(by === 'cookie cache' ? { session: { cookieCache: { enabled: true, maxAge: 300 } } } : {}),
}
await (await better.getMigrations(options)).runMigrations()
const auth = better.betterAuth(options)
const told = { people: [] as string[], tokens: [] as string[], credentials: [] as string[] }
for (let index = 0; index < count; index++) await signUp(index)
const isKnown = await makeCheck()

const own = better.toNodeHandler(auth)
const server = createServer(async (request, response) => {
  if (request.url !== '/v1/responses') return own(request, response)
  const known = await isKnown(request.headers).catch(() => false)
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  if (!known) return response.writeHead(401).end()
  const { messages } = JSON.parse(text) as { messages: { content: string }[] }
  const answer = JSON.stringify(echoAnswer(messages[0]?.content ?? ''))
  const length = Buffer.byteLength(answer)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
  return response.end(answer)
})
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port, told))

/** As safe on disk as ours. */
function openFile(): DatabaseSync {
  const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  const database = new DatabaseSync(join(dataDir, 'peer.db'))
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  return database
}

async function signUp(index: number): Promise<void> {
  const email = `person${String(index).padStart(6, '0')}@example.com`
  const body = { email, password: PASSWORD, name: 'person' }
  const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true })
  const token = headers.get('set-auth-token') ?? ''
  told.people.push(email)
  told.tokens.push(token)
  told.credentials.push(await credentialOf(token, headers, response.user.id))
}

async function credentialOf(token: string, headers: Headers, userId: string): Promise<string> {
  if (by === 'session') return token
  if (by === 'API key') return (await auth.api.createApiKey({ body: { userId } })).key
  if (by === 'cookie cache') {
    return headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ')
  }
  const asking = new Headers({ authorization: `Bearer ${token}` })
  return (await auth.api.getToken({ headers: asking })).token
}

/** As the plug-in's documentation has it; the keys of a JWT are fetched once, and checked against without a database. */
async function makeCheck(): Promise<(headers: NodeJS.Dict<string | string[]>) => Promise<boolean>> {
  if (by === 'API key') {
    return async (headers) =>
      (await auth.api.verifyApiKey({ body: { key: String(headers['x-api-key']) } })).valid
  }
  if (by === 'JWT') {
    const keys = better.createLocalJWKSet(await auth.api.getJwks())
    const expected = { issuer: baseURL, audience: baseURL }
    return async ({ authorization = '' }) =>
      Boolean(await better.jwtVerify(String(authorization).slice(7), keys, expected))
  }
  return async (headers) =>
    (await auth.api.getSession({ headers: better.fromNodeHeaders(headers) })) !== null
}
