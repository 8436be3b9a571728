import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns'
import { BlockList, isIPv4, type LookupFunction } from 'node:net'
import { parseIpAddress } from '../wire/ip-address.ts'

/** Not the internet (RFC 6890): this machine, private and link-local networks, clouds' metadata, multicast. */
const inside = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
]
const insideIpv6 = [
  // Of IPv6 the internet is 2000::/3; the rest holds this machine, its neighbours, and IPv4 in many a spelling (RFC 4291).
  '::/3',
  '4000::/2',
  '8000::/1',
  // Here too an IPv4 address is inside: Teredo and 6to4.
  '2001::/32',
  '2002::/16',
]

/** Whether we may connect to an address: any of the internet, and those inside that the operator named. */
export type MayReach = (address: string) => boolean

export function reachable(allowed: readonly string[]): MayReach {
  // Apart: a list takes an IPv4 address for its spelling in IPv6 as well.
  const closed = { ipv4: networkList(inside), ipv6: networkList(insideIpv6) }
  const opened = networkList(allowed)
  return (text) => {
    const address = parseIpAddress(text)
    if (!address) return false
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    return opened.check(address, family) || !closed[family].check(address, family)
  }
}

/**
 * The address that UPSTREAM_URL itself spells, when it is this machine's: who writes 127.0.0.1 there means it.
 * A name is never enough, since who answers for the name may change his mind.
 */
export function spelledLoopback(url: string | null): string[] {
  const host = url ? new URL(url).hostname : ''
  if (host === 'localhost') return ['127.0.0.1', '::1']
  if (host === '[::1]') return ['::1']
  return /^127(\.\d{1,3}){3}$/.test(host) ? [host] : []
}

/** Looks a name up and keeps the addresses we may reach; it is the same look-up that the connection uses. */
export function guardedLookup(mayReach: MayReach): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (cause, found: LookupAddress[]) => {
      if (cause) return done(cause, '', 0)
      const kept = found.filter(({ address }) => mayReach(address))
      const [first] = kept
      if (!first) return done(new RefusedAddress(), '', 0)
      return options.all ? done(null, kept) : done(null, first.address, first.family)
    })
  }
}

/** What we call must not be where this server's own neighbours are. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress'
  readonly code = 'REFUSED_ADDRESS'
  constructor() {
    super('The address is private; UPSTREAM_ALLOW, or WEBHOOK_ALLOW, can name its network')
  }
}

function networkList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', bits] = cidr.split('/')
    const isV4 = isIPv4(network)
    list.addSubnet(network, Number(bits ?? (isV4 ? 32 : 128)), isV4 ? 'ipv4' : 'ipv6')
  }
  return list
}
