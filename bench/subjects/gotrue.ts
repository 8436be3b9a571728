import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../../scripts/testing/free-port.ts'
import { ready, wishes } from '../frame/serving.ts'
import { PASSWORD, SECRET } from '../scenarios/secrets.ts'

/** Supabase Auth, by the program that was built for it, on PostgreSQL; its limits are off, since nobody names their header. */

export interface GotrueWishes {
  readonly program: string
  readonly databaseUrl: string
  readonly people: number
}

export interface GotrueTold {
  readonly people: readonly string[]
  readonly accessTokens: readonly string[]
  readonly refreshTokens: readonly string[]
}

const LOOK_EVERY_MS = 50
const MOST_LOOKS = 400
const TICK_MICROS = 10_000

const { program, databaseUrl, people: count } = wishes<GotrueWishes>()
const port = await freePort()
const address = `http://127.0.0.1:${port}`
const env = {
  PATH: process.env.PATH,
  DATABASE_URL: `${databaseUrl}?search_path=auth`,
  GOTRUE_DB_DRIVER: 'postgres',
  DB_NAMESPACE: 'auth',
  GOTRUE_API_HOST: '127.0.0.1',
  PORT: `${port}`,
  API_EXTERNAL_URL: address,
  GOTRUE_SITE_URL: address,
  GOTRUE_JWT_SECRET: SECRET,
  GOTRUE_JWT_EXP: '3600',
  GOTRUE_JWT_AUD: 'authenticated',
  GOTRUE_EXTERNAL_EMAIL_ENABLED: 'true',
  GOTRUE_MAILER_AUTOCONFIRM: 'true',
  GOTRUE_DISABLE_SIGNUP: 'false',
  GOTRUE_LOG_LEVEL: 'error',
  // As many connections as ours; without it each request opens its own.
  GOTRUE_DB_MAX_POOL_SIZE: '10',
  GOTRUE_DB_MAX_IDLE_POOL_SIZE: '10',
}
await prepare()
const server = spawn(program, ['serve'], { env, stdio: 'ignore' })
process.once('exit', () => server.kill('SIGKILL'))
await untilHealthy()
const told = { people: [] as string[], accessTokens: [] as string[], refreshTokens: [] as string[] }
for (let index = 0; index < count; index++) await signUp(`person${index}@example.com`)
ready(port, told, () => server.kill('SIGTERM'), spent)

/** The schema and the role that its migrations look for. */
async function prepare(): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  await owner.query('CREATE SCHEMA auth')
  await owner.query('CREATE ROLE postgres').catch(() => 'it is there from another run')
  await owner.end()
  execFileSync(program, ['migrate'], { env, stdio: 'pipe' })
}

async function untilHealthy(): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const answer = await fetch(`${address}/health`).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await wait(LOOK_EVERY_MS)
  }
  throw new Error('Supabase Auth did not answer')
}

async function signUp(email: string): Promise<void> {
  const answer = await fetch(`${address}/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: PASSWORD }),
  })
  if (!answer.ok) throw new Error(`Supabase Auth refused a sign-up: ${await answer.text()}`)
  const { access_token, refresh_token } = (await answer.json()) as Record<string, string>
  told.people.push(email)
  told.accessTokens.push(access_token ?? '')
  told.refreshTokens.push(refresh_token ?? '')
}

/** Of the program, as Linux tells it. */
function spent() {
  const [, rest = ''] = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0] = rest.split(' ').slice(11, 13).map(Number)
  const [, kilobytes] =
    /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? []
  return { cpuMicros: (user + system) * TICK_MICROS, residentBytes: Number(kilobytes ?? 0) * 1024 }
}
