import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, openStore, type Running } from '../../server/src/app.ts'
import { makeApiKey } from '../../server/src/auth/api-key.ts'
import { createKeyring } from '../../server/src/auth/keyring.ts'
import { hashPassword } from '../../server/src/auth/password.ts'
import { accessToken, refreshToken } from '../../server/src/auth/session.ts'
import { type Config, readConfig } from '../../server/src/config.ts'
import { ready, wishes } from '../frame/serving.ts'
import { PASSWORD, SECRET } from '../scenarios/secrets.ts'
import { addPeople, addSessions, grow, type MadeSession, personOf } from './populate.ts'

/** What a scenario wants to find in the server. */
export interface FreddyWishes {
  /** A PostgreSQL database; SQLite in a folder of its own without it. */
  readonly databaseUrl?: string
  /** People who sign in by a password. */
  readonly people?: number
  /** Sessions with their tokens, of these people in turn. */
  readonly sessions?: number
  readonly keys?: number
  /** Sessions that are there and that nobody uses. */
  readonly others?: number
  readonly env?: Readonly<Record<string, string>>
}

export interface FreddyTold {
  readonly people: readonly string[]
  readonly accessTokens: readonly string[]
  readonly refreshTokens: readonly string[]
  readonly keys: readonly string[]
}

/** The server as `npm start` runs it, with limits that count and that nobody reaches. Mails stay in its memory. */
const generous = ['requests', 'refresh', 'verify-source', 'refused-source', 'check']
const LIMITS = generous.map((name) => `${name}=1000000/1`).join(',')

const wanted = wishes<FreddyWishes>()
const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const config = readConfig({
  SECRET_KEY: SECRET,
  DATA_DIR: dataDir,
  LIMITS,
  ...(wanted.databaseUrl ? { DATABASE_URL: wanted.databaseUrl } : {}),
  ...wanted.env,
})
const sessions = await populate(config)
const running = await createApp(config)
await running.http.listen({ port: 0, host: '127.0.0.1' })
running.start()
const told = await tell(running, sessions)
ready((running.http.server.address() as AddressInfo).port, told, () => running.close())

async function populate(at: Config): Promise<readonly MadeSession[]> {
  const { people = 0, sessions: count = 0, keys = 0, others = 0 } = wanted
  const { database } = await openStore(at)
  await addPeople(database, Math.max(people, Math.min(Math.max(count, keys), 2000)))
  const made = await addSessions(database, createKeyring([SECRET]), count)
  if (others) await grow(database, others)
  await database.close()
  return made
}

async function tell({ app }: Running, made: readonly MadeSession[]): Promise<FreddyTold> {
  const now = app.now()
  const { people: count = 0, keys: wantedKeys = 0 } = wanted
  if (count) await givePassword(running)
  const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'bench' }
  const keys: string[] = []
  for (let index = 0; index < wantedKeys; index++) {
    const wish = {
      userId: personOf(index % 2000).id,
      name: 'bench',
      scopes: ['responses'],
      expiresAt: null,
    }
    const key = await makeApiKey({ app, now, origin }, wish)
    keys.push(key?.key ?? '')
  }
  return {
    people: Array.from({ length: count }, (_, index) => personOf(index).address),
    accessTokens: made.map((session) => accessToken(app, session, now).token),
    refreshTokens: made.map((each) => refreshToken(app, each, each.refreshId, each.createdAt)),
    keys,
  }
}

/** All have the same password, so that one hash is enough to begin with. */
async function givePassword({ app }: Running): Promise<void> {
  const hash = await hashPassword(app, PASSWORD)
  const { database } = await openStore(app.config)
  await database.write('UPDATE users SET password_hash = :hash', { hash })
  await database.close()
}
