import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hash } from '@node-rs/argon2'
import { createApp, type Running } from '../src/app.ts'
import { hashPassword } from '../src/auth/password.ts'
import { readConfig } from '../src/config.ts'
import type { App } from '../src/context.ts'
import { createLog } from '../src/log.ts'
import type { Siblings } from '../src/processes/siblings.ts'
import type { Database } from '../src/store/database.ts'
import { createHasher, type Hasher } from '../src/workers/hasher.ts'
import { databases } from './databases.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const SECRET = 'P1sVnq0cQk3Zr7uYw2Xt5Bd8Gf6Hj4Lm9No0TeRaIuEy'
export const PASSWORD = 'correct horse battery staple'
/** Threads that hash come last: a machine that is busy with tests lets them wait for longer than a caller would. */
const PATIENCE_MS = 5000
const newHasher = (more: { readonly queue?: number } = {}) =>
  createHasher({ threads: 1, maxWaitMs: PATIENCE_MS, ...more })
/** Of all scenes of a file: its thread takes as long to start as a scene hashes. */
const hasher: Hasher = { ...newHasher(), close: async () => {} }
/** The least that argon2 does: kilobytes, passes, lanes. */
const LIGHT = { memoryCost: 8, timeCost: 1, parallelism: 1 }
/** What PASSWORD is in the table, by the secret of its server. */
const hashes = new Map<string, Promise<string>>()
/** A Monday in 2026, noon. */
const START = Date.UTC(2026, 10, 23, 12)

export interface Person {
  readonly id: string
  readonly email: string
  readonly userName: string
  readonly password: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, before anybody checked it
  readonly body: any
  readonly text: string
}

export interface Ask {
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Record<string, string>
  /** The address it comes from. */
  readonly from?: string
}

/** A whole server with a frozen clock and a mail server that can be read. */
export interface Freddy {
  readonly running: Running
  readonly database: Database
  readonly engine: string
  readonly mail: SmtpSink
  readonly log: readonly string[]
  now(): number
  pass(ms: number): void
  ask(line: string, ask?: Ask): Promise<Answer>
  login(who: Partial<Person> & { as?: string }, ask?: Ask): Promise<Answer>
  verify(emailKey: string, code: unknown, ask?: Ask): Promise<Answer>
  /** The newest code that was mailed to an address. */
  codeFor(email: string): Promise<string>
  /** An account that exists, made without a mail. */
  person(name: string): Promise<Person>
  /** Signs in by password and code; the answer of verify. */
  signIn(who: Person, ask?: Ask): Promise<Answer['body']>
}

export interface Settings {
  readonly env?: Record<string, string>
  /** The other processes of the same server. */
  readonly siblings?: Siblings
  /** For a scene that takes the hasher away: nobody else hashes there. */
  readonly ownHasher?: { readonly queue?: number }
}

/** Tells a scene on every database: SQLite and PostgreSQL. */
export function scene(
  name: string,
  tell: (freddy: Freddy, context: TestContext) => Promise<void>,
  settings: Settings = {},
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, async (context) => {
      const place = await open()
      const freddy = await startFreddy(place.url, engine, settings)
      try {
        await tell({ ...freddy, database: place.database }, context)
      } finally {
        await freddy.running.close()
        await freddy.mail.close()
        await place.drop()
      }
    })
  }
}

/** A server on this database; `databaseUrl` is a PostgreSQL address, or the path of a SQLite file in its folder. */
export async function startFreddy(
  databaseUrl: string,
  engine: string,
  { env = {}, siblings, ownHasher }: Settings = {},
): Promise<Omit<Freddy, 'database'>> {
  let now = START
  const mail = await startSmtpSink()
  const log: string[] = []
  const config = readConfig({
    SECRET_KEY: SECRET,
    PUBLIC_URL: 'https://auth.example.com',
    SMTP_URL: mail.url,
    ...placeOf(databaseUrl, engine),
    ...env,
  })
  const running = await createApp(config, {
    now: () => now,
    log: createLog('info', (line) => log.push(line)),
    hasher: ownHasher ? newHasher(ownHasher) : hasher,
    ...(siblings ? { siblings } : {}),
  })
  const freddy = {
    running,
    engine,
    mail,
    log,
    now: () => now,
    pass: (ms: number) => {
      now += ms
    },
  }
  return { ...freddy, ...verbs(running, mail, () => now) }
}

function verbs(running: Running, mail: SmtpSink, now: () => number) {
  const ask = async (line: string, { body, token, headers, from }: Ask = {}): Promise<Answer> => {
    const [method, url = ''] = line.split(' ')
    const answer = await running.http.inject({
      method: method as 'GET',
      url,
      remoteAddress: from ?? '127.0.0.1',
      headers: {
        host: from ? 'auth.example.com' : 'localhost',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
    const isJson = String(answer.headers['content-type']).includes('json')
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: isJson ? answer.json() : undefined,
      text: answer.body,
    }
  }
  const login: Freddy['login'] = (who, more) =>
    ask('POST /v1/auth/login', {
      body: { email_or_username: who.as ?? who.email, password: who.password ?? PASSWORD },
      ...more,
    })
  const verify: Freddy['verify'] = (email_key, verification_code, more) =>
    ask('POST /v1/auth/verify', { body: { email_key, verification_code }, ...more })
  const codeFor = async (email: string) => {
    await running.outbox.drain()
    const code = mail.codeFor(email)
    assert.ok(code, `a code was mailed to ${email}`)
    return code
  }
  const person = async (name: string): Promise<Person> => {
    const { app } = running
    const who = { id: idOf(name), email: `${name}@example.com`, userName: name, password: PASSWORD }
    await app.store.users.create({
      id: who.id,
      address: who.email,
      user_name: name,
      full_name: null,
      password_hash: await hashOfPassword(app),
      created_at: now(),
      updated_at: now(),
      last_login_at: null,
      disabled_at: null,
    })
    return who
  }
  const signIn: Freddy['signIn'] = async (who, more) => {
    const { body } = await login(who, more)
    const answer = await verify(body.email_key, Number(await codeFor(who.email)), more)
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }
  return { ask, login, verify, codeFor, person, signIn }
}

/**
 * It costs next to nothing to check: people of scenes sign in some ten thousand times. What the server hashes itself, in
 * scenes that register, change or reset, costs what it does anywhere.
 */
function hashOfPassword(app: App): Promise<string> {
  const { id } = app.keyring.current
  const light = { ...hasher, hash: (text: string) => hash(text, LIGHT) }
  const known = hashes.get(id) ?? hashPassword({ ...app, hasher: light }, PASSWORD)
  hashes.set(id, known)
  return known
}

/** A code that is not this one, of the same length. */
export function wrongCode(code: string): number {
  return Number(code) === 10 ** (code.length - 1) ? Number(code) + 1 : Number(code) - 1
}

function idOf(name: string): string {
  return `usr_${Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32)}`
}

function placeOf(url: string, engine: string): Record<string, string> {
  if (engine === 'PostgreSQL') return { DATABASE_URL: url, DATA_DIR: emptyFolder() }
  return { DATA_DIR: url.slice(0, url.lastIndexOf('/')) }
}

const folders: string[] = []
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  folders.push(folder)
  return folder
}
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
