import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { importPeer } from '../frame/peers.ts'
import { ready, wishes } from '../frame/serving.ts'
import { echoAnswer } from './answer.ts'

/** The part of better-auth that is called here. */
interface BetterAuth {
  betterAuth(options: object): Auth
}
interface Auth {
  readonly api: {
    signUpEmail(ask: object): Promise<{ headers: Headers }>
    getSession(ask: { headers: Headers }): Promise<object | null>
  }
}
interface Plugins {
  bearer(): object
}
interface NodeParts {
  toNodeHandler(auth: Auth): RequestListener
  fromNodeHeaders(headers: object): Headers
}
interface Migration {
  getMigrations(options: object): Promise<{ runMigrations(): Promise<void> }>
}

export interface BetterAuthTold {
  readonly tokens: readonly string[]
  readonly people: readonly string[]
}

const PASSWORD = 'correct horse battery staple'

const { people: count } = wishes<{ people: number }>()
const { betterAuth } = await importPeer<BetterAuth>('better-auth')
const { bearer } = await importPeer<Plugins>('better-auth/plugins')
const { toNodeHandler, fromNodeHeaders } = await importPeer<NodeParts>('better-auth/node')
const { getMigrations } = await importPeer<Migration>('better-auth/db/migration')

const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const database = new DatabaseSync(join(dataDir, 'peer.db'))
// As safe on disk as ours.
database.exec('PRAGMA journal_mode = WAL')
database.exec('PRAGMA synchronous = FULL')

const options = {
  database,
  secret: 'Yw2Xt5Bd8Gf6Hj4Lm9No0TeRaIuEyP1sVnq0cQk3Zr7u',
  baseURL: 'http://localhost',
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [bearer()],
}
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)

const told: { tokens: string[]; people: string[] } = { tokens: [], people: [] }
for (let index = 0; index < count; index++) {
  const email = `person${String(index).padStart(6, '0')}@example.com`
  const body = { email, password: PASSWORD, name: 'person' }
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true })
  told.people.push(email)
  told.tokens.push(headers.get('set-auth-token') ?? '')
}

const own = toNodeHandler(auth)
const server = createServer(async (request, response) => {
  if (request.url !== '/v1/responses') return own(request, response)
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  if (!session) return response.writeHead(401).end()
  const { messages } = JSON.parse(text) as { messages: { content: string }[] }
  const answer = JSON.stringify(echoAnswer(messages[0]?.content ?? ''))
  const length = Buffer.byteLength(answer)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
  return response.end(answer)
})
server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port, told))
