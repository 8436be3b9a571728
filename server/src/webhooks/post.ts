import { type MayReach, reachable } from '../responses/upstream-address.ts'
import type { UpstreamClient } from '../responses/upstream-client.ts'
import { within } from './address.ts'

const WAIT_MS = 10_000
/** Of an answer nothing is kept; more than this is not even read. */
const MOST_ANSWER_BYTES = 16_384

/** How an endpoint answered. */
export interface Outcome {
  readonly status: number | null
  /** Null when it took the event. */
  readonly reason: string | null
}

/** Sends to addresses that may be reached, whatever a name says the second time it is asked; follows no redirect. */
export interface Post {
  send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Outcome>
  close(): Promise<void>
}

export function createPost(allowed: readonly string[], waitMs = WAIT_MS): Post {
  const rules = { 'https:': reachable(allowed), 'http:': within(allowed) }
  const clients = new Map<MayReach, Promise<UpstreamClient>>()
  // Loaded by those who send.
  const clientFor = (mayReach: MayReach) => {
    const client =
      clients.get(mayReach) ??
      import('../responses/upstream-client.ts').then(({ createUpstreamClient }) =>
        createUpstreamClient(mayReach, waitMs),
      )
    clients.set(mayReach, client)
    return client
  }
  return {
    async send(url, headers, body) {
      const client = await clientFor(rules[new URL(url).protocol === 'http:' ? 'http:' : 'https:'])
      const signal = AbortSignal.timeout(waitMs)
      try {
        const answer = await client.request(url, { method: 'POST', headers, body, signal })
        const { statusCode: status } = answer
        await answer.body.dump({ limit: MOST_ANSWER_BYTES, signal }).catch(() => {})
        return { status, reason: status >= 200 && status < 300 ? null : 'refused' }
      } catch (cause) {
        return { status: null, reason: signal.aborted ? 'timeout' : reasonOf(cause) }
      }
    },
    async close() {
      await Promise.all([...clients.values()].map(async (client) => (await client).close()))
    },
  }
}

/** A word of ours: what a stranger's server makes a client say stays out. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'REFUSED_ADDRESS') return 'private_address'
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) return 'unknown_name'
  return /CERT|TLS|SSL/.test(code) ? 'tls' : 'unreachable'
}
