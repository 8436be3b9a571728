import { isIPv4, isIPv6 } from 'node:net'
import { dottedQuad, ipv6Groups, parseIpAddress } from '../wire/ip-address.ts'
import { parseNetworks } from '../wire/network.ts'

const MOST_CHARACTERS = 4096
const MOST_HOPS = 200
/** RFC 6052: how a translator shows IPv4 callers to a host that speaks IPv6 only. */
const TRANSLATED = [0x64, 0xff9b, 0, 0, 0, 0]

/** The proxies in front of us whose word about the address before them is believed. */
export interface TrustedProxies {
  readonly trusts: (address: string) => boolean
}

/** What limits count. `wider` is the /48 around an IPv6 source, which has ten times the allowance. */
export interface Source {
  readonly source: string
  readonly wider?: string
}

/** Who is believed: CIDRs, or single addresses. Throws as `parseNetworks` does, for the operator to read. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  return { trusts: parseNetworks(cidrs).hold }
}

/**
 * Where a request comes from: the socket's address or, behind trusted proxies, the rightmost hop of
 * X-Forwarded-For that none of them is. Left of that hop anybody may have written anything, so it is not
 * read. A header that cannot be understood counts for the proxy that sent it: forging never frees.
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | undefined,
  trusted: TrustedProxies,
): string {
  const peer = parseIpAddress(socketAddress)
  if (peer === null) return socketAddress
  if (!forwardedFor || forwardedFor.length > MOST_CHARACTERS || !trusted.trusts(peer)) return peer
  const hops = forwardedFor.split(',')
  if (hops.length > MOST_HOPS) return peer
  return lastStranger(hops, trusted) ?? peer
}

/** The first hop when every one is trusted: a proxy that makes a call of its own. */
function lastStranger(hops: readonly string[], trusted: TrustedProxies): string | null {
  let address: string | null = null
  for (const hop of hops.toReversed()) {
    address = readHop(hop)
    if (address === null || !trusted.trusts(address)) return address
  }
  return address
}

/** `1.2.3.4`, `1.2.3.4:99`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:99`. */
function readHop(text: string): string | null {
  const hop = text.trim()
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1]
  if (bracketed !== undefined) return isIPv6(bracketed) ? parseIpAddress(bracketed) : null
  return parseIpAddress(/^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop)
}

/**
 * The source that a caller's address belongs to (contract section 4): an IPv4 address itself, or the /64
 * of an IPv6. IPv4 callers that a translator shows inside one IPv6 network stay apart.
 */
export function sourceOf(address: string): Source {
  const canonical = parseIpAddress(address)
  if (canonical === null) return { source: 'unknown' }
  if (isIPv4(canonical)) return { source: canonical }
  const groups = ipv6Groups(canonical)
  if (TRANSLATED.every((group, index) => groups[index] === group)) {
    return { source: dottedQuad(groups) }
  }
  return { source: network(groups, 64), wider: network(groups, 48) }
}

/** One spelling, never shortened inside: `2001:db8:0:1::/64`. */
function network(groups: readonly number[], bits: 48 | 64): string {
  const kept = groups.slice(0, bits / 16).map((group) => group.toString(16))
  return `${kept.join(':')}::/${bits}`
}
