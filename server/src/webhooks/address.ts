import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isSpeltAsRead } from '../config-upstream.ts'
import { reachable } from '../responses/upstream-address.ts'
import { parseNetworks } from '../wire/network.ts'

const MOST = 500
/** Below these stand other services than the web's. */
const FIRST_FREE_PORT = 1024

/** Why events may not be sent there, or null. Said when it is kept; the connection is held to the same (webhooks/post.ts). */
export async function whyRefused(text: string, allowed: readonly string[]): Promise<string | null> {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || text.length > MOST || !/^https?:$/.test(url.protocol)) {
    return 'takes an address such as https://example.com/hooks'
  }
  if (url.username || url.password || url.hash) return 'takes no credentials and no fragment'
  if (!isSpeltAsRead(text)) return 'the host is to be written as it is read'
  if (!isPortSane(url.port)) return 'this port is not for the web'
  const addresses = await addressesOf(url.hostname)
  if (addresses.length === 0) return 'this name leads nowhere now'
  const mayReach = url.protocol === 'http:' ? within(allowed) : reachable(allowed)
  if (addresses.some(mayReach)) return null
  return url.protocol === 'http:'
    ? 'takes https; http only in a network of WEBHOOK_ALLOW'
    : 'this address is private; WEBHOOK_ALLOW can name its network'
}

/** What may be called without TLS: what the operator named, and nothing else. */
export function within(allowed: readonly string[]): (address: string) => boolean {
  return parseNetworks(allowed).hold
}

function isPortSane(port: string): boolean {
  return ['', '80', '443'].includes(port) || Number(port) >= FIRST_FREE_PORT
}

async function addressesOf(hostname: string): Promise<string[]> {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host)) return [host]
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.map(({ address }) => address)
}
