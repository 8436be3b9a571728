import { join } from 'node:path'
import { assemble } from './assemble.ts'
import { tellOfCanaries } from './auth/canary.ts'
import { takeTurn } from './auth/ceilings.ts'
import { createKeyring, type Keyring, keyedHash } from './auth/keyring.ts'
import { compose } from './auth/notice.ts'
import { warmPasswords } from './auth/password.ts'
import { type Config, ConfigError } from './config.ts'
import type { App, Clock } from './context.ts'
import { makeDataDir } from './data-dir.ts'
import { createMetricsPort, type MetricsPort } from './http/metrics-door.ts'
import { pages } from './http/pages.ts'
import { createHttp, type Http } from './http/server.ts'
import { type Jobs, startJobs } from './jobs.ts'
import { createLimiter, type Limiter } from './limiter/limiter.ts'
import { createLog, type Log } from './log.ts'
import { createInbox, type Inbox } from './mail/inbox.ts'
import type { Mailer } from './mail/mailer.ts'
import { createOutbox, type Outbox } from './mail/outbox.ts'
import { checkSmtp, createSmtpMailer } from './mail/smtp.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { observeDatabase } from './metrics/observe.ts'
import { readSecrets } from './secret-file.ts'
import type { Database } from './store/database.ts'
import { migrate } from './store/migrate.ts'
import { openPostgres } from './store/postgres.ts'
import { openSqlite } from './store/sqlite.ts'
import { createStore, type Store } from './store/store.ts'
import { traceApp, traceDatabase, traceMailer } from './tracing/trace-app.ts'
import { createTracing, type Tracing } from './tracing/tracing.ts'
import type { Hasher } from './workers/hasher.ts'

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
  /** The port where metrics are told; null when there is none. */
  readonly metricsPort: MetricsPort | null
  /** From here on letters go out and what is over is swept, without being asked. */
  start(): void
  /** Answers what is under way, then closes everything in the order in which it is needed. */
  close(): Promise<void>
}

/** A whole server, not listening yet. The only place that chooses adapters. */
export async function createApp(config: Config, parts: Parts = {}): Promise<Running> {
  const now = parts.now ?? Date.now
  const metrics = config.metricsAt || config.metricsToken ? createMetrics() : null
  const log = parts.log ?? createLog(config.logLevel)
  const tracing = createTracing(config)
  const { database, store } = await openStore(config, metrics, tracing)
  const keyring = createKeyring(readSecrets(config))
  await requireSameSecret(store, keyring)

  const inbox = config.smtpUrl ? null : createInbox({ print: parts.print ?? (() => {}), now })
  const mailer: Mailer =
    inbox ?? createSmtpMailer({ url: config.smtpUrl ?? '', from: config.mailFrom })
  const limiter = await openLimiter(config, keyring, log)
  const made = { ...parts, now, log, keyring, limiter, store }
  const { app: assembled, connect } = assemble(config, made, metrics)
  const app = tracing ? traceApp(assembled, tracing) : assembled
  const outbox = createOutbox({
    store: app.store.outbox,
    mailer: tracing ? traceMailer(mailer, tracing) : mailer,
    texts: app.letterTexts,
    now,
    log: app.log,
    domain: /@([^\s<>]+)>?$/.exec(config.mailFrom)?.[1] ?? 'localhost',
    compose: (row) => compose(app, row, now()),
    takeTurn: (letter, composed) => takeTurn(app, letter, composed, now()),
  })
  connect(outbox)
  await app.signingKeys.begin(now())
  const http = await createHttp(app, (server) => pages(app, server, { inbox, metrics }))
  const metricsPort = metrics && config.metricsAt ? createMetricsPort(config, metrics) : null
  await warmPasswords(app)
  let jobs: Jobs | null = null
  const start = () => {
    outbox.start()
    jobs = startJobs(app)
  }

  const close = async () => {
    app.raiseWaits.stop()
    await http.close()
    await jobs?.stop()
    await settle(app)
    await outbox.stop()
    await mailer.close()
    await metricsPort?.close()
    metrics?.close()
    await app.upstreams.close()
    await app.hasher.close()
    await limiter.close()
    await database.close()
    await tracing?.flush()
  }
  return { app, http, outbox, inbox, metricsPort, start, close }
}

/** What waited to be written, or told, is not lost with the server. */
async function settle(app: App): Promise<void> {
  const { log } = app
  await app.usage.flush().catch((cause) => log.warn({ event: 'usage.write', cause }))
  await tellOfCanaries(app).catch((cause) => log.warn({ event: 'keys.canaries', cause }))
  await app.keyUses.flush().catch((cause) => log.warn({ event: 'keys.uses', cause }))
  await app.sightings.flush().catch((cause) => log.warn({ event: 'session.see', cause }))
}

/** The app as a command of the operator's shell needs it: the same rules and store, no server. */
export interface Operator {
  readonly app: App
  /** Whether the mail server would take a letter; throws what it says when not. */
  checkMail(): Promise<void>
  /** Whether a server that started now would count traffic with others. */
  countsTogether(): Promise<boolean>
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
  const limiter = createLimiter(config.limits)
  const parts = { now: Date.now, log, keyring, limiter, store }
  const { app } = assemble({ ...config, workers: 1 }, parts)
  const close = async () => {
    await app.upstreams.close()
    await app.hasher.close()
    await database.close()
  }
  return {
    app,
    checkMail: () => checkSmtp(config.smtpUrl ?? ''),
    async countsTogether() {
      const shared = await openLimiter(config, keyring, log)
      await shared.close()
      return shared.standing() === 'shared'
    },
    checkSecret: () => requireSameSecret(store, keyring),
    close,
  }
}

/** The database that the configuration names, at the newest schema. */
export async function openStore(
  config: Config,
  metrics: Metrics | null = null,
  tracing: Tracing | null = null,
): Promise<{ database: Database; store: Store }> {
  makeDataDir(config)
  const database = config.databaseUrl
    ? await openPostgres({ url: config.databaseUrl })
    : await openSqlite({ path: join(config.dataDir, 'freddy.db') })
  await migrate(database)
  const measured = metrics ? observeDatabase(database, metrics) : database
  return { database, store: createStore(tracing ? traceDatabase(measured, tracing) : measured) }
}

/** Traffic is counted here, or with all other servers. The client for that is loaded by those who use it. */
async function openLimiter(config: Config, keyring: Keyring, log: Log): Promise<Limiter> {
  const { redisUrl: url, redisTimeoutMs: timeoutMs, limits: table } = config
  if (!url) return createLimiter(table)
  const { openSharedLimiter } = await import('./limiter/valkey.ts')
  const nameOf = (text: string) => keyedHash(keyring.current.of.name, 'limit', text)
  return openSharedLimiter({ url, timeoutMs, table, nameOf, log })
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
