import { Agent, request } from 'undici'
import { guardedConnector } from '../responses/guarded-connector.ts'
import { reachable } from '../responses/upstream-address.ts'
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
  const agentFor = (mayReach: (address: string) => boolean) =>
    new Agent({ connect: guardedConnector(mayReach, waitMs), connections: 16, pipelining: 1 })
  const agents = { 'https:': agentFor(reachable(allowed)), 'http:': agentFor(within(allowed)) }
  return {
    async send(url, headers, body) {
      const dispatcher = agents[new URL(url).protocol === 'http:' ? 'http:' : 'https:']
      const signal = AbortSignal.timeout(waitMs)
      try {
        const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal })
        const { statusCode: status } = answer
        await answer.body.dump({ limit: MOST_ANSWER_BYTES, signal }).catch(() => {})
        return { status, reason: status >= 200 && status < 300 ? null : 'refused' }
      } catch (cause) {
        return { status: null, reason: signal.aborted ? 'timeout' : reasonOf(cause) }
      }
    },
    async close() {
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()))
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
