import { statfsSync, statSync } from 'node:fs'
import type { Operator } from './app.ts'
import { findBrokenSeal } from './auth/audit-chain.ts'
import { driftOf } from './auth/clock-drift.ts'
import { isLoopback } from './loopback.ts'
import { secretFileOf } from './secret-file.ts'
import { BACKUP_SETTING } from './store/settings.ts'

/** What a look at one thing found. Only `bad` is a problem; a `note` is worth knowing. */
export interface Finding {
  readonly check: string
  readonly state: 'good' | 'note' | 'bad'
  readonly told: string
  /** What to do about it. */
  readonly next: string | null
}

const SECOND = 1000
const MINUTE = 60_000
const DAY = 86_400_000
const MOST_CLOCK_MS = 2 * SECOND
const LEAST_FREE_BYTES = 1_000_000_000
const OLDEST_BACKUP_DAYS = 7

type Answer = Omit<Finding, 'check'>

const checks: Readonly<Record<string, (operator: Operator) => Answer | Promise<Answer>>> = {
  database: lookAtDatabase,
  secret: lookAtSecret,
  clock: lookAtClock,
  disk: lookAtDisk,
  mail: lookAtMail,
  letters: lookAtLetters,
  address: lookAtAddress,
  proxies: lookAtProxies,
  limits: lookAtLimits,
  backup: lookAtBackup,
  trail: lookAtTrail,
}

/** One look after the other; a look that fails is a finding like any other. */
export async function examine(operator: Operator): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [check, look] of Object.entries(checks)) {
    findings.push({ check, ...(await tryLook(look, operator)) })
  }
  return findings
}

async function tryLook(
  look: (operator: Operator) => Answer | Promise<Answer>,
  operator: Operator,
): Promise<Answer> {
  try {
    return await look(operator)
  } catch (cause) {
    return bad(
      cause instanceof Error ? cause.message : String(cause),
      'See the line, and look again',
    )
  }
}

const good = (told: string): Answer => ({ state: 'good', told, next: null })
const note = (told: string, next: string): Answer => ({ state: 'note', told, next })
const bad = (told: string, next: string): Answer => ({ state: 'bad', told, next })

async function lookAtDatabase({ app }: Operator): Promise<Answer> {
  const { engine, newestVersion } = app.store.inspection
  return good(`${engine}, schema ${await newestVersion()}`)
}

async function lookAtSecret({ app: { config }, checkSecret }: Operator): Promise<Answer> {
  try {
    await checkSecret()
  } catch {
    return bad('The database was made with another secret', 'Bring that one back: SECRET_KEY')
  }
  if (config.secretKey) return good('from the environment')
  const file = secretFileOf(config)
  if ((statSync(file).mode & 0o077) === 0) return good(`${file}, for its owner only`)
  return bad(`${file} can be read by others`, `chmod 600 ${file}`)
}

async function lookAtClock({ app }: Operator): Promise<Answer> {
  const off = await driftOf(app)
  const set = 'Set both clocks by NTP'
  if (off > MOST_CLOCK_MS) return bad(`${seconds(off)} apart from the database`, set)
  const ahead = (await app.store.inspection.newestEvent()) - app.now()
  if (ahead > MINUTE) return bad(`${seconds(ahead)} behind the newest event of the trail`, set)
  return good('with the database')
}

function lookAtDisk({ app: { config } }: Operator): Answer {
  const { bavail, bsize } = statfsSync(config.dataDir)
  const free = bavail * bsize
  const told = `${(free / 1e9).toFixed(1)} GB free under ${config.dataDir}`
  return free < LEAST_FREE_BYTES
    ? bad(told, 'Make room: a full disk stops every sign-in')
    : good(told)
}

async function lookAtMail({ app: { config }, checkMail }: Operator): Promise<Answer> {
  if (!config.smtpUrl) return note('stays on this machine', 'Set SMTP_URL before others sign in')
  const { host } = new URL(config.smtpUrl)
  try {
    await checkMail()
    return good(`${host} answers`)
  } catch (cause) {
    const { responseCode, code } = cause as { responseCode?: number; code?: string }
    return bad(
      `${host} does not take letters (${responseCode ?? code ?? 'no answer'})`,
      'Look at SMTP_URL',
    )
  }
}

async function lookAtLetters({ app }: Operator): Promise<Answer> {
  const oldest = await app.store.outbox.oldestWaiting(app.now())
  const age = oldest === null ? 0 : app.now() - oldest
  if (age <= MINUTE) return good('none waits')
  return bad(
    `one waits for ${seconds(age)}`,
    'Look at the mail server, and whether the server runs',
  )
}

function lookAtAddress({ app: { config } }: Operator): Answer {
  const { publicUrl } = config
  if (!publicUrl) return note('known to this machine only', 'Set PUBLIC_URL before others sign in')
  const { protocol, hostname } = new URL(publicUrl)
  if (protocol === 'https:' || isLoopback(hostname)) return good(publicUrl)
  return bad(
    `${publicUrl} is not encrypted`,
    'Put a proxy with TLS before it: PUBLIC_URL=https://…',
  )
}

/** The server speaks no TLS: where people say https, a proxy does. */
function lookAtProxies({ app: { config } }: Operator): Answer {
  if (config.trustedProxies.length > 0) return good(config.trustedProxies.join(', '))
  if (!config.publicUrl?.startsWith('https:')) return good('none')
  return note(
    'none is believed, so everybody shares the limits of the proxy',
    "Set TRUSTED_PROXIES to the proxy's network",
  )
}

async function lookAtLimits({ app: { config }, countsTogether }: Operator): Promise<Answer> {
  if (!config.redisUrl) return good('each server counts traffic by itself')
  const { host } = new URL(config.redisUrl)
  if (await countsTogether()) return good(`all servers count traffic at ${host}`)
  return bad(
    `${host} does not answer, so each server counts traffic by itself`,
    'Look at REDIS_URL',
  )
}

async function lookAtBackup({ app }: Operator): Promise<Answer> {
  const { host, publicUrl } = app.config
  const next = 'freddy-auth backup FILE, every night'
  const made = Number(await app.store.settings.find(BACKUP_SETTING))
  const days = Math.floor((app.now() - made) / DAY)
  if (made > 0 && days <= OLDEST_BACKUP_DAYS)
    return good(days === 0 ? 'of today' : `${days} days old`)
  const told = made > 0 ? `${days} days old` : 'never made'
  return isLoopback(host) && !publicUrl ? note(told, next) : bad(told, next)
}

async function lookAtTrail({ app }: Operator): Promise<Answer> {
  const broken = await findBrokenSeal(app.store.audit)
  if (broken === null) return good('whole')
  return bad(
    `changed at position ${broken}`,
    'Compare with your last export: freddy-auth audit export',
  )
}

const seconds = (ms: number) => `${Math.round(ms / SECOND)} seconds`
