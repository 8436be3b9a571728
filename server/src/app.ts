import { assemble } from './assemble.ts'
import { tellOfCanaries } from './auth/canary.ts'
import { takeTurn } from './auth/ceilings.ts'
import { createKeyring, type Keyring, keyedHash } from './auth/keyring.ts'
import { compose } from './auth/notice.ts'
import { noteRefusedMail } from './auth/refused-mail.ts'
import type { Config } from './config.ts'
import type { App, Clock } from './context.ts'
import { createMetricsPort, type MetricsPort } from './http/metrics-door.ts'
import { pages } from './http/pages.ts'
import { createHttp, type Http } from './http/server.ts'
import { type Jobs, startJobs } from './jobs.ts'
import { createAskingLimiter } from './limiter/asking.ts'
import { createLimiter, type Limiter } from './limiter/limiter.ts'
import { createLog, type Log } from './log.ts'
import { createInbox, type Inbox } from './mail/inbox.ts'
import type { Mailer } from './mail/mailer.ts'
import { createOutbox, type Outbox } from './mail/outbox.ts'
import type { Metrics } from './metrics/metrics.ts'
import { observeDatabase } from './metrics/observe.ts'
import { openDatabase } from './open-database.ts'
import type { Siblings } from './processes/siblings.ts'
import { requireSameSecret } from './same-secret.ts'
import { readSecrets } from './secret-file.ts'
import type { Database } from './store/database.ts'
import { createStore, type Store } from './store/store.ts'
import { traceApp, traceDatabase, traceMailer } from './tracing/trace-app.ts'
import { createTracing, type Tracing } from './tracing/tracing.ts'
import { createPost } from './webhooks/post.ts'
import { createSender, type Sender } from './webhooks/sender.ts'
import type { Hasher } from './workers/hasher.ts'

/** What a test, or a command, may bring instead of the real thing. */
export interface Parts {
  /** One that is being opened already. */
  readonly database?: Promise<Database>
  /** A clock that is frozen stands for the one that nobody sets too. */
  readonly now?: Clock
  readonly log?: Log
  /** Where the terminal inbox prints. */
  readonly print?: (line: string) => void
  readonly hasher?: Hasher
  /** The other processes of a server that has several. */
  readonly siblings?: Siblings | null
}

export interface Running {
  readonly app: App
  readonly http: Http
  readonly outbox: Outbox
  /** Sends events to the operator's endpoints. */
  readonly sender: Sender
  /** The mails of a server without SMTP; null with it. */
  readonly inbox: Inbox | null
  /** The port where metrics are told; null when there is none. */
  readonly metricsPort: MetricsPort | null
  /** From here on letters go out and what is over is swept, without being asked. */
  start(): void
  /** Answers what is under way, then closes everything in the order in which it is needed. */
  close(): Promise<void>
}

const uptime: Clock = () => performance.now()

/** A whole server, not listening yet. The only place that chooses adapters, but for the database. */
export async function createApp(config: Config, parts: Parts = {}): Promise<Running> {
  const { now = Date.now, siblings = null } = parts
  const tick = parts.now ?? uptime
  const metrics = config.metricsAt || config.metricsToken ? await startMetrics(siblings) : null
  const log = parts.log ?? createLog(config.logLevel)
  const tracing = createTracing(config)
  const database = await (parts.database ?? openDatabase(config))
  const store = createStore(watched(database, metrics, tracing))
  const keyring = createKeyring(readSecrets(config))
  await requireSameSecret(store, keyring)

  const { print = () => {} } = parts
  const inbox = config.smtpUrl ? null : await createInbox({ print, now, siblings })
  const mailer: Mailer = inbox ?? (await openSmtp(config))
  const limiter = await openLimiter(config, keyring, log, siblings)
  const made = { ...parts, now, tick, log, keyring, limiter, store, siblings }
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
    refused: (row) => noteRefusedMail(app, row, now()),
    takeTurn: (letter, composed) => takeTurn(app, letter, composed, now()),
  })
  connect(outbox)
  const sender = createSender(app, createPost(config.webhookAllow))
  await app.signingKeys.begin(now())
  siblings?.hear('changed', () => app.feed.look())
  await app.feed.look()
  const http = await createHttp(app, (server) => pages(app, server, { inbox, metrics }))
  const metricsPort = metrics && config.metricsAt ? createMetricsPort(config, metrics) : null
  let jobs: Jobs | null = null
  const start = () => {
    outbox.start()
    app.feed.start()
    sender.start()
    jobs = startJobs(app)
  }

  const close = async () => {
    app.raiseWaits.stop()
    app.revocationStreams.stop()
    await http.close()
    await jobs?.stop()
    await app.feed.stop()
    await settle(app)
    await sender.stop()
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
  return { app, http, outbox, sender, inbox, metricsPort, start, close }
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

/** The same on a database that may have noted no secret yet, or another: for `doctor`. */
export const openOperator = (config: Config): Promise<Operator> => operatorOn(config, 'short')

/** The same, which changes whole tables: no statement of it is given up. */
export const openRestorer = (config: Config): Promise<Operator> => operatorOn(config, 'long')

async function operatorOn(config: Config, patience: 'short' | 'long'): Promise<Operator> {
  const { database, store } = await openStore(config, patience)
  const keyring = createKeyring(readSecrets(config))
  const log = createLog('error')
  const limiter = createLimiter(config.limits)
  const parts = { now: Date.now, tick: uptime, log, keyring, limiter, store, siblings: null }
  const { app } = assemble({ ...config, hashThreads: 1 }, parts)
  const close = async () => {
    await app.upstreams.close()
    await app.hasher.close()
    await database.close()
  }
  return {
    app,
    async checkMail() {
      const { checkSmtp } = await import('./mail/smtp.ts')
      return checkSmtp(config.smtpUrl ?? '')
    },
    async countsTogether() {
      const shared = await openLimiter(config, keyring, log)
      await shared.close()
      return shared.standing() === 'shared'
    },
    checkSecret: () => requireSameSecret(store, keyring),
    close,
  }
}

/** What the configuration names, at the newest schema. */
export async function openStore(
  config: Config,
  patience: 'short' | 'long' = 'short',
): Promise<{ database: Database; store: Store }> {
  const database = await openDatabase(config, patience)
  return { database, store: createStore(database) }
}

function watched(database: Database, metrics: Metrics | null, tracing: Tracing | null): Database {
  const measured = metrics ? observeDatabase(database, metrics) : database
  return tracing ? traceDatabase(measured, tracing) : measured
}

/*
 * What not every server needs is loaded by those who do: it would be a part of each start, and stay in memory.
 */

async function startMetrics(siblings: Siblings | null): Promise<Metrics> {
  const { createMetrics } = await import('./metrics/metrics.ts')
  return createMetrics(siblings)
}

async function openSmtp({ smtpUrl, mailFrom }: Config): Promise<Mailer> {
  const { createSmtpMailer } = await import('./mail/smtp.ts')
  return createSmtpMailer({ url: smtpUrl ?? '', from: mailFrom })
}

/** Traffic is counted here, by all processes of this server, or with all other servers. The client for that is loaded by those who use it. */
async function openLimiter(
  config: Config,
  keyring: Keyring,
  log: Log,
  siblings: Siblings | null = null,
): Promise<Limiter> {
  const { redisUrl: url, redisTimeoutMs: timeoutMs, limits: table } = config
  if (!url && siblings) return createAskingLimiter(table, (words) => siblings.ask('limits', words))
  if (!url) return createLimiter(table)
  const { openSharedLimiter } = await import('./limiter/valkey.ts')
  const nameOf = (text: string) => keyedHash(keyring.current.of.name, 'limit', text)
  return openSharedLimiter({ url, timeoutMs, table, nameOf, log })
}
