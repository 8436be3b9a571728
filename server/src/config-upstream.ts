import { knob, networks, some, webAddress } from './config-values.ts'
import { spendsFreely } from './limits.ts'
import type { SpendingLimits } from './store/spending.ts'

/**
 * A model server's address. Its host must be spelt as it is read: `127.1`, `2130706433` and circled digits
 * all become 127.0.0.1, and nobody who looks at them sees it.
 */
export function upstreamAddress(text: string): string | undefined {
  const address = webAddress(text)
  if (!address || !isSpeltAsRead(text)) return undefined
  return new URL(address).pathname === '/' ? `${address}/v1` : address
}

/** Whether the host that stands in an address is the one that is called. */
export function isSpeltAsRead(text: string): boolean {
  const [, spelt = ''] = /^https?:\/\/(\[[^\]]*\]|[^:/?#]+)/i.exec(text) ?? []
  return URL.canParse(text) && new URL(text).hostname === spelt.toLowerCase()
}

/** Milliseconds. */
export interface UpstreamTimes {
  readonly connect: number
  readonly first: number
  readonly plain: number
  readonly idle: number
  readonly total: number
  readonly keepalive: number
}

/** What the settings of the gateway come to: a part of the configuration. */
export interface UpstreamConfig {
  readonly upstreamUrl: string | null
  readonly upstreamApiKey: string | null
  readonly modelsFile: string | null
  readonly upstreamAllow: readonly string[]
  readonly upstreamTimes: UpstreamTimes
  /** What each person may spend of whom the operator says nothing else. */
  readonly userBudget: SpendingLimits | null
}

export const standardTimes: UpstreamTimes = {
  connect: 5000,
  first: 60_000,
  plain: 600_000,
  idle: 60_000,
  total: 600_000,
  keepalive: 15_000,
}

export function upstreamTimes(text: string): UpstreamTimes | undefined {
  const times: Record<string, number> = {}
  for (const part of text.split(',')) {
    const [, name = '', seconds] = /^\s*([a-z]+)=(\d{1,5}(?:\.\d{1,3})?)\s*$/.exec(part) ?? []
    if (!Object.hasOwn(standardTimes, name) || !Number(seconds)) return undefined
    times[name] = Number(seconds) * 1000
  }
  return { ...standardTimes, ...times }
}

const MILLION = 1_000_000
/** What may be spent, as an operator writes it: whole tokens, and money in the unit of prices. Kept in millionths. */
export function spendingLimits(text: string): SpendingLimits | undefined {
  const limits: Record<string, number> = {}
  for (const part of text.split(',')) {
    const [, name = '', amount = ''] = /^\s*([a-z_]+)=(\d{1,12}(?:\.\d{1,6})?)\s*$/.exec(part) ?? []
    const kept = Number(amount) * (name.startsWith('money') ? MILLION : 1)
    if (!Object.hasOwn(spendsFreely, name) || kept > Number.MAX_SAFE_INTEGER) return undefined
    limits[name] = Math.ceil(kept)
  }
  return { ...spendsFreely, ...limits }
}

/** The settings of the gateway: a part of the table in config.ts. */
export const upstreamKnobs = {
  UPSTREAM_URL: knob(
    'http://… or https://…',
    '',
    'The model server, as far as its `/v1`; the built-in model when empty.',
    upstreamAddress,
  ),
  UPSTREAM_API_KEY: knob('a key', '', 'What the model server is sent as bearer.', some),
  OPENAI_API_KEY: knob('a key', '', 'The same, under the name that many machines have.', some),
  MODELS_FILE: knob(
    'a file',
    '',
    'Models and their servers, see docs/gateway.md; `models.json` in DATA_DIR when there is one.',
    some,
  ),
  UPSTREAM_ALLOW: knob(
    'CIDRs with commas between',
    '',
    'Private networks in which model servers may stand.',
    networks,
  ),
  UPSTREAM_TIMES: knob(
    'name=seconds, with commas between',
    'connect=5,first=60,plain=600,idle=60,total=600,keepalive=15',
    'How long a model server may take: to be reached, to begin a stream, to begin a plain answer, between two events, in all; and between comments to a caller who waits.',
    upstreamTimes,
  ),
  USER_BUDGET: knob(
    'name=amount, with commas between',
    '',
    'What each person may spend with all keys and sessions: tokens_per_day, tokens_per_month, money_per_day, money_per_month (money in the unit of prices); nothing is capped when empty.',
    spendingLimits,
  ),
}
