import { credentialKnobs } from './config-credentials.ts'
import { databaseKnobs } from './config-database.ts'
import { type LimitsConfig, limitKnobs } from './config-limits.ts'
import { arrangeMail, type MailConfig, mailKnobs } from './config-mail.ts'
import { type MetricsConfig, metricsKnobs } from './config-metrics.ts'
import { type ProcessesConfig, processesKnobs, processesOf } from './config-processes.ts'
import { standardTimes, type UpstreamConfig, upstreamKnobs } from './config-upstream.ts'
import {
  address,
  type Knob,
  knob,
  networks,
  oneOf,
  some,
  webAddress,
  whole,
} from './config-values.ts'
import { type WebhookConfig, webhookKnobs } from './config-webhooks.ts'
import { limits } from './limits.ts'
import type { LogLevel } from './log.ts'
import { isLoopback } from './loopback.ts'

export interface Config
  extends UpstreamConfig,
    MetricsConfig,
    LimitsConfig,
    WebhookConfig,
    MailConfig,
    ProcessesConfig {
  readonly port: number
  readonly host: string
  /** Without a slash at the end; null when the server is known by its loopback address only. */
  readonly publicUrl: string | null
  readonly dataDir: string
  /** Null means SQLite in the data folder. */
  readonly databaseUrl: string | null
  readonly databaseConnections: number
  readonly secretKey: string | null
  readonly secretKeyFile: string | null
  readonly jwtAlg: 'HS256' | 'EdDSA' | 'ES256' | 'RS256'
  readonly codeDigits: number
  readonly profile: 'standard' | 'strict'
  readonly trustedProxies: readonly string[]
  readonly registration: 'open' | 'invite' | 'closed'
  readonly maxRequestBytes: number
  readonly sessionIdleDays: number
  readonly keyLeaseSeconds: number
  readonly auditDays: number
  readonly logLevel: LogLevel
  /** How long an access token lives: a day, or 15 minutes in the strict profile. */
  readonly accessLifeMs: number
  /** Every variable as it is in force, to be shown; of a secret only whether it is set. */
  readonly told: readonly ToldSetting[]
}

export interface ToldSetting {
  readonly name: string
  readonly value: string
  readonly sentence: string
}

/** Every environment variable the server reads. docs/configuration.md is compared with it both ways. */
export const knobs = {
  PORT: knob(
    '0 to 65535',
    '3000',
    'The port to listen on; 0 takes any free one.',
    whole(0, 65_535),
  ),
  HOST: knob('an address', '127.0.0.1', 'The address to listen on.', address),
  PUBLIC_URL: knob(
    'https://…',
    '',
    'The address people know; also the issuer of tokens.',
    webAddress,
  ),
  DATA_DIR: knob('a folder', './data', 'Where the database and the secret are kept.', some),
  ...databaseKnobs,
  ...mailKnobs,
  ...credentialKnobs,
  CODE_DIGITS: knob(
    '4 to 8',
    '4',
    'Digits of a sign-in code; 6 at least while under attack.',
    whole(4, 8),
  ),
  PROFILE: knob(
    'standard or strict',
    'standard',
    'Strict: passwords of 15 characters, access tokens of 15 minutes, no sign-in that moves between steps.',
    oneOf('standard', 'strict'),
  ),
  TRUSTED_PROXIES: knob(
    'CIDRs with commas between',
    '',
    'Proxies whose X-Forwarded-For is believed.',
    networks,
  ),
  REGISTRATION: knob(
    'open, invite or closed',
    'open',
    'Who may register: anybody, those with an invitation (`users invite`), or nobody (`users add`).',
    oneOf('open', 'invite', 'closed'),
  ),
  ...limitKnobs,
  MAX_REQUEST_BYTES: knob(
    '1024 to 104857600',
    '20971520',
    'The largest body of a gateway request.',
    whole(1024, 104_857_600),
  ),
  ...upstreamKnobs,
  ...processesKnobs,
  SESSION_IDLE_DAYS: knob(
    '0 to 30',
    '0',
    'Ends sessions that were idle so long; 0 never.',
    whole(0, 30),
  ),
  AUDIT_DAYS: knob('7 to 3650', '90', 'How long the audit trail is kept.', whole(7, 3650)),
  ...webhookKnobs,
  ...metricsKnobs,
  LOG_LEVEL: knob(
    'debug, info, warn, error or silent',
    'warn',
    'How much is logged to standard error, as JSON lines; info adds a line for each request.',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
  ),
} as const satisfies Record<string, Knob>

type KnobName = keyof typeof knobs
type Settings = {
  [Name in KnobName]: Exclude<ReturnType<(typeof knobs)[Name]['read']>, undefined> | null
}

/** A configuration that cannot be used: every problem at once, each with what the knob takes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The configuration that the environment asks for. The only place where it is read. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const problems: string[] = []
  const names = Object.keys(knobs) as KnobName[]
  const settings = Object.fromEntries(
    names.map((name) => [name, readKnob(name, environment[name], problems)]),
  ) as Settings
  const config = arrange(
    settings,
    names.map((name) => tell(name, environment[name])),
  )
  problems.push(...contradictions(config))
  if (problems.length) throw new ConfigError(problems)
  return config
}

function readKnob(name: KnobName, given: string | undefined, problems: string[]): unknown {
  const { takes, standard, read } = knobs[name] as Knob
  const text = given?.trim() || standard
  if (!text) return null
  const value = read(text)
  if (value === undefined) problems.push(`${name}: takes ${takes}`)
  return value ?? null
}

const secrets: ReadonlySet<KnobName> = new Set([
  'DATABASE_URL',
  'REDIS_URL',
  'SMTP_URL',
  'SECRET_KEY',
  'UPSTREAM_API_KEY',
  'OPENAI_API_KEY',
  'METRICS_TOKEN',
])

function tell(name: KnobName, given: string | undefined): ToldSetting {
  const { standard, sentence } = knobs[name]
  const text = given?.trim() || standard
  return { name, value: text && secrets.has(name) ? 'is set' : text, sentence }
}

function arrange(set: Settings, told: readonly ToldSetting[]): Config {
  const profile = set.PROFILE ?? 'standard'
  return {
    port: set.PORT ?? 3000,
    host: set.HOST ?? '127.0.0.1',
    publicUrl: set.PUBLIC_URL,
    dataDir: set.DATA_DIR ?? './data',
    databaseUrl: set.DATABASE_URL,
    databaseConnections: set.DATABASE_CONNECTIONS ?? 10,
    ...arrangeMail(set),
    secretKey: set.SECRET_KEY,
    secretKeyFile: set.SECRET_KEY_FILE,
    jwtAlg: set.JWT_ALG ?? 'HS256',
    codeDigits: set.CODE_DIGITS ?? 4,
    profile,
    trustedProxies: set.TRUSTED_PROXIES ?? [],
    registration: set.REGISTRATION ?? 'open',
    limits: { ...limits, ...set.LIMITS },
    redisUrl: set.REDIS_URL,
    redisTimeoutMs: set.REDIS_TIMEOUT_MS ?? 50,
    maxRequestBytes: set.MAX_REQUEST_BYTES ?? 20_971_520,
    upstreamUrl: set.UPSTREAM_URL,
    upstreamApiKey: set.UPSTREAM_API_KEY ?? set.OPENAI_API_KEY,
    modelsFile: set.MODELS_FILE,
    upstreamAllow: set.UPSTREAM_ALLOW ?? [],
    upstreamTimes: set.UPSTREAM_TIMES ?? standardTimes,
    userBudget: set.USER_BUDGET,
    ...processesOf(set.WORKERS, set.HASH_THREADS),
    sessionIdleDays: set.SESSION_IDLE_DAYS ?? 0,
    keyLeaseSeconds: set.KEY_LEASE_SECONDS ?? 600,
    auditDays: set.AUDIT_DAYS ?? 90,
    ...{ eventDays: set.EVENT_DAYS ?? 30, webhookAllow: set.WEBHOOK_ALLOW ?? [] },
    metricsAt: set.METRICS_PORT,
    metricsToken: set.METRICS_TOKEN,
    traceContext: set.TRACE_CONTEXT ?? [],
    logLevel: set.LOG_LEVEL ?? 'warn',
    accessLifeMs: profile === 'strict' ? 900_000 : 86_400_000,
    told,
  }
}

/** A server that strangers can reach needs mail, a name and a secret of its own. */
function contradictions(config: Config): string[] {
  const problems: string[] = []
  if (config.metricsAt && !isLoopback(config.metricsAt.host) && !config.metricsToken) {
    problems.push('METRICS_TOKEN: METRICS_PORT can be reached from outside, so give it a token')
  }
  if (isLoopback(config.host)) return problems
  const here = `HOST ${config.host} can be reached from outside`
  if (!config.smtpUrl) problems.push(`SMTP_URL: ${here}, so mails need a server`)
  if (!config.publicUrl) problems.push(`PUBLIC_URL: ${here}, so links need a name`)
  if (!config.secretKey && !config.secretKeyFile) {
    problems.push(`SECRET_KEY: ${here}, so give it a secret (openssl rand -base64 48)`)
  }
  return problems
}
