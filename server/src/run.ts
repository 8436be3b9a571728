import { createApp, type Running } from './app.ts'
import { baseAddress } from './auth/link.ts'
import { openSetup } from './auth/setup.ts'
import type { Config } from './config.ts'
import type { Siblings } from './processes/siblings.ts'
import type { Database } from './store/database.ts'

/** What is under way may finish within this time; what then still streams is told that it ends here. */
const DRAIN_MS = 10_000
const LAST_WORD_MS = 2000
/** A terminal sends its signal to the wrapper and to the server: twice within this time counts once. */
const SAME_SIGNAL_MS = 1000

/** The server in this process: listens on a database that opens; on SIGTERM stops taking, drains and closes. */
export async function run(config: Config, database: Promise<Database>): Promise<void> {
  const siblings = await joinSiblings(config)
  const print = (line: string) => process.stdout.write(`${line}\n`)
  const running = await createApp(config, { database, print, siblings })
  await listen(config, running)
  running.start()
  stopOnSignals(running)
  await siblings?.ready()
  // Of several processes the first tells where everything is, once.
  if (siblings && !siblings.isFirst) return
  const setup = await openSetup(running.app, running.app.now())
  print(startText(config, running, setup))
}

async function joinSiblings({ workers }: Config): Promise<Siblings | null> {
  return workers > 1 ? (await import('./processes/siblings.ts')).joinSiblings() : null
}

async function listen(config: Config, running: Running): Promise<void> {
  await running.http.listen({ port: config.port, host: config.host })
  await running.metricsPort?.listen()
  const bound = running.http.server.address()
  if (typeof bound === 'object' && bound) running.app.bound.port = bound.port
}

/** Where everything is and what to do next. */
function startText(config: Config, running: Running, setup: string | null): string {
  const { inbox } = running
  const base = baseAddress(running.app)
  const database = config.databaseUrl ? 'PostgreSQL' : `SQLite in ${config.dataDir}`
  const mail = inbox ? 'stays on this machine' : `goes out by ${hostOf(config.smtpUrl)}`
  return [
    '',
    `  Freddy Auth is ready.`,
    '',
    `  Hub      ${base}`,
    `  API      ${base}/v1`,
    `  Docs     ${base}/docs    (specification: ${base}/openapi.json)`,
    ...(inbox ? [`  Inbox    ${base}/dev/inbox?word=${inbox.word}`] : []),
    ...(running.metricsPort ? [`  Metrics  ${running.metricsPort.address()}`] : []),
    '',
    `  Data     ${database}`,
    `  Mail     ${mail}`,
    `  Model    ${modelText(running)}`,
    ...limitsText(config, running),
    ...(config.workers > 1 ? [`  Workers  ${config.workers} processes on this port`] : []),
    '',
    ...nextText(base, setup),
    '',
  ].join('\n')
}

/** On an empty database the first account is made, and it runs the server. */
function nextText(base: string, setup: string | null): string[] {
  if (!setup) return [`  Next     open ${base}, or read ${base}/docs/login-flow`]
  return [
    `  Next     make the first account, the one that runs this server (once, within 15 minutes):`,
    `           ${base}/setup?t=${setup}`,
  ]
}

function modelText({ app }: Running): string {
  const { models, standard } = app.models
  const names = models.map((model) => model.name).slice(0, 5)
  if (models.length > names.length) names.push('…')
  const rest = standard
    ? [`${names.length ? 'others' : 'every model'} at ${hostOf(standard.url)}`]
    : []
  return [...names, ...rest].join(', ') || 'echo-1, built in: it repeats what it hears'
}

/** Said only where servers are to count together. */
function limitsText({ redisUrl }: Config, { app }: Running): string[] {
  if (!redisUrl) return []
  const host = hostOf(redisUrl)
  if (app.limiter.standing() === 'shared') return [`  Limits   counted with all servers at ${host}`]
  return [`  Limits   counted by this server alone, until ${host} answers`]
}

function hostOf(url: string | null): string {
  return url ? new URL(url).host : ''
}

function stopOnSignals(running: Running): void {
  let stopping = 0
  const stop = async () => {
    const now = performance.now()
    if (stopping && now - stopping < SAME_SIGNAL_MS) return
    if (stopping) process.exit(1)
    stopping = now
    setTimeout(() => process.exit(1), DRAIN_MS + 5000).unref()
    setTimeout(() => running.app.closing.abort(), DRAIN_MS).unref()
    setTimeout(() => running.http.server.closeAllConnections(), DRAIN_MS + LAST_WORD_MS).unref()
    await running.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
}
