import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { tellOfCanaries } from './auth/canary.ts'
import { createKeyUses } from './auth/key-uses.ts'
import { createKeyring, type Keyring } from './auth/keyring.ts'
import { compose } from './auth/notice.ts'
import { warmPasswords } from './auth/password.ts'
import { createSightings } from './auth/session-seen.ts'
import { createSigningKeys } from './auth/signing-keys.ts'
import { createTokens } from './auth/token.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import type { App, Clock } from './context.ts'
import { pages } from './http/pages.ts'
import { createHttp, type Http } from './http/server.ts'
import { type Jobs, startJobs } from './jobs.ts'
import { createLimiter } from './limiter/limiter.ts'
import { createLog, type Log } from './log.ts'
import { createInbox, type Inbox } from './mail/inbox.ts'
import type { Mailer } from './mail/mailer.ts'
import { createOutbox, type Outbox } from './mail/outbox.ts'
import { checkSmtp, createSmtpMailer } from './mail/smtp.ts'
import { readModels } from './models-file.ts'
import { createRaiseWaits } from './responses/raise-waits.ts'
import { createUpstreams } from './responses/upstream.ts'
import { reachable, spelledLoopback } from './responses/upstream-address.ts'
import { createUsageQueue } from './responses/usage-queue.ts'
import { readSecrets } from './secret-file.ts'
import type { Database } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { openPostgres } from './store/postgres.ts'
import { openSqlite } from './store/sqlite.ts'
import { createStore, type Store } from './store/store.ts'
import { createHasher, type Hasher } from './workers/hasher.ts'

/** What a test, or a command, may bring instead of the real thing. */
export interface Parts {
  readonly now?: Clock
  readonly log?: Log
  /** Where the terminal inbox prints. */
  readonly print?: (line: string) => void
  readonly hasher?: Hasher
}

export interface Running {
  readonly app: App
  readonly http: Http
  readonly outbox: Outbox
  /** The mails of a server without SMTP; null with it. */
  readonly inbox: Inbox | null
  /** From here on letters go out and what is over is swept, without being asked. */
  start(): void
  /** Answers what is under way, then closes everything in the order in which it is needed. */
  close(): Promise<void>
}

const REMEMBERED_SESSIONS = 100_000
const REMEMBERED_KEYS = 20_000
const REMEMBERED_REFUSALS = 10_000
const REMEMBERED_NETWORKS = 1000
const WAITING_CANARIES = 1000

/** A whole server, not listening yet. The only place that chooses adapters. */
export async function createApp(config: Config, parts: Parts = {}): Promise<Running> {
  const now = parts.now ?? Date.now
  const log = parts.log ?? createLog(config.logLevel)
  const store = await openStore(config)
  const keyring = createKeyring(readSecrets(config))
  await requireSameSecret(store.store, keyring)

  const inbox = config.smtpUrl ? null : createInbox({ print: parts.print ?? (() => {}), now })
  const mailer: Mailer =
    inbox ?? createSmtpMailer({ url: config.smtpUrl ?? '', from: config.mailFrom })
  const app = assemble(config, { ...parts, now, log, keyring, store: store.store })
  const outbox = createOutbox({
    store: store.store.outbox,
    mailer,
    now,
    log,
    domain: /@([^\s<>]+)>?$/.exec(config.mailFrom)?.[1] ?? 'localhost',
    compose: (row) => compose(app.app, row, now()),
  })
  app.connect(outbox)
  await app.app.signingKeys.begin(now())
  const http = await createHttp(app.app, (server) => pages(app.app, server, inbox))
  await warmPasswords(app.app)
  let jobs: Jobs | null = null
  const start = () => {
    outbox.start()
    jobs = startJobs(app.app)
  }

  const close = async () => {
    app.app.raiseWaits.stop()
    await http.close()
    await jobs?.stop()
    await app.app.usage.flush().catch((cause) => log.warn({ event: 'usage.write', cause }))
    await tellOfCanaries(app.app).catch((cause) => log.warn({ event: 'keys.canaries', cause }))
    await app.app.keyUses.flush().catch((cause) => log.warn({ event: 'keys.uses', cause }))
    await app.app.sightings.flush().catch((cause) => log.warn({ event: 'session.see', cause }))
    await outbox.stop()
    await mailer.close()
    await app.app.upstreams.close()
    await app.app.hasher.close()
    await store.database.close()
  }
  return { app: app.app, http, outbox, inbox, start, close }
}

/** The app as a command of the operator's shell needs it: the same rules and store, no server. */
export interface Operator {
  readonly app: App
  /** Whether the mail server would take a letter; throws what it says when not. */
  checkMail(): Promise<void>
  /** Throws when this database was made with another secret. */
  checkSecret(): Promise<void>
  close(): Promise<void>
}

export async function createOperator(config: Config): Promise<Operator> {
  const operator = await openOperator(config)
  try {
    await operator.checkSecret()
    return operator
  } catch (cause) {
    await operator.close()
    throw cause
  }
}

/** The same on a database that may have noted no secret yet, or another: for `restore` and `doctor`. */
export async function openOperator(config: Config): Promise<Operator> {
  const { database, store } = await openStore(config)
  const keyring = createKeyring(readSecrets(config))
  const log = createLog('error')
  const { app } = assemble({ ...config, workers: 1 }, { now: Date.now, log, keyring, store })
  const close = async () => {
    await app.upstreams.close()
    await app.hasher.close()
    await database.close()
  }
  return {
    app,
    checkMail: () => checkSmtp(config.smtpUrl ?? ''),
    checkSecret: () => requireSameSecret(store, keyring),
    close,
  }
}

/** The description of the API, which needs no configuration: made from a server in a folder that goes at once. */
export async function describeApi(): Promise<unknown> {
  const dataDir = mkdtempSync(join(tmpdir(), 'freddy-'))
  const running = await createApp(readConfig({ DATA_DIR: dataDir, WORKERS: '1' }))
  await running.http.ready()
  const description = running.http.swagger()
  await running.close()
  rmSync(dataDir, { recursive: true, force: true })
  return description
}

/** The database that the configuration names, at the newest schema. */
export async function openStore(config: Config): Promise<{ database: Database; store: Store }> {
  makeDataDir(config)
  const database = config.databaseUrl
    ? await openPostgres({ url: config.databaseUrl })
    : await openSqlite({ path: join(config.dataDir, 'freddy.db') })
  await migrate(database)
  return { database, store: createStore(database) }
}

function assemble(
  config: Config,
  parts: { now: Clock; log: Log; keyring: Keyring; store: Store; hasher?: Hasher },
): { app: App; connect: (outbox: Outbox) => void } {
  let poke = () => {}
  const longest = { access: config.accessLifeMs / 1000, refresh: 30 * 86_400 }
  const issuer = config.publicUrl ?? 'freddy-auth'
  const { keyring, store } = parts
  const signingKeys = createSigningKeys({
    store: store.signingKeys,
    keyring,
    algorithm: config.jwtAlg,
  })
  const app: App = {
    config,
    bound: { port: config.port },
    ...parts,
    signingKeys,
    tokens: createTokens({ keyring, signingKeys, issuer, audience: 'freddy-api', longest }),
    limiter: createLimiter(config.limits),
    hasher: parts.hasher ?? createHasher({ threads: config.workers || availableParallelism() }),
    usage: createUsageQueue(parts.store.ledger, ({ request_id, user_id, ...usage }, cause) =>
      parts.log.error({
        event: 'usage.dropped',
        requestId: request_id,
        userId: user_id,
        count: usage.input_tokens + usage.output_tokens,
        cause,
      }),
    ),
    keyUses: createKeyUses(parts.store.keyUses, (cause) =>
      parts.log.warn({ event: 'keys.uses', cause }),
    ),
    sightings: createSightings(parts.store.sessions),
    outbox: { poke: () => poke() },
    models: readModels(config),
    upstreams: createUpstreams({
      times: config.upstreamTimes,
      mayReach: reachable([...config.upstreamAllow, ...spelledLoopback(config.upstreamUrl)]),
      now: parts.now,
    }),
    liveSessions: new LRUCache({ max: REMEMBERED_SESSIONS }),
    liveApiKeys: new LRUCache({ max: REMEMBERED_KEYS }),
    allowances: new LRUCache({ max: REMEMBERED_KEYS }),
    raiseWaits: createRaiseWaits(),
    turnedAway: new LRUCache({ max: REMEMBERED_REFUSALS }),
    canaries: new LRUCache({ max: WAITING_CANARIES }),
    keyNetworks: new LRUCache({ max: REMEMBERED_NETWORKS }),
  }
  return {
    app,
    connect(outbox) {
      poke = () => outbox.poke()
    },
  }
}

/** A start with another secret would refuse every token and password of this database: it stops instead. */
async function requireSameSecret(store: Store, keyring: Keyring): Promise<void> {
  const kept = await store.settings.keepFirst('key_check', keyring.current.check)
  if (!keyring.all.some((keys) => keys.check === kept)) {
    throw new ConfigError([
      'SECRET_KEY: this database was made with another secret; start with that one, or put it behind the new one',
    ])
  }
  if (kept !== keyring.current.check) await store.settings.put('key_check', keyring.current.check)
}

function makeDataDir({ dataDir }: Config): void {
  try {
    mkdirSync(dataDir, { mode: 0o700 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(dataDir).isDirectory()) return
    const why =
      code === 'ENOENT' ? 'its parent folder is missing; make it first' : `cannot be made (${code})`
    throw new ConfigError([`DATA_DIR: ${dataDir} ${why}`])
  }
}
