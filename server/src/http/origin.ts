import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import type { Origin } from '../context.ts'
import { parseIpAddress } from '../wire/ip-address.ts'
import { clientAddress, sourceOf, trustedProxies } from './source.ts'

const MOST_AGENT = 200
const MOST_LANGUAGES = 100

export interface Origins {
  of(request: IncomingMessage): Origin
  /** Whether a peer is one of our own proxies. */
  isProxy(address: string): boolean
}

/** Where requests come from, as far as the proxies that we trust can be believed. */
export function createOrigins(cidrs: readonly string[]): Origins {
  const trusted = trustedProxies(cidrs)
  return {
    of(request) {
      const peer = request.socket.remoteAddress ?? ''
      const said = request.headers['x-forwarded-for']
      const agent = cleanAgent(request.headers['user-agent'] ?? '')
      const languages = request.headers['accept-language']?.slice(0, MOST_LANGUAGES) ?? ''
      // Spelled as it is counted, and nobody speaks for another.
      if (said === undefined && isIPv4(peer)) {
        return { address: peer, source: peer, network: null, agent, languages }
      }
      const address = clientAddress(peer, Array.isArray(said) ? said.join(',') : said, trusted)
      const { source, wider } = sourceOf(address)
      return { address, source, network: wider ?? null, agent, languages }
    },
    isProxy: (address) => trusted.trusts(parseIpAddress(address) ?? ''),
  }
}

/** Printable ASCII only: it is shown in mails and kept in rows. */
function cleanAgent(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, MOST_AGENT)
}
