import { BlockList, isIPv4 } from 'node:net'
import { parseIpAddress } from './ip-address.ts'

/** Some networks, as one set of addresses. */
export interface Networks {
  readonly hold: (address: string) => boolean
}

/**
 * The networks of these CIDRs; an address alone is a network of one. Throws an Error whose message is one
 * sentence when an entry is no network, or is the whole internet.
 */
export function parseNetworks(cidrs: readonly string[]): Networks {
  const networks = new BlockList()
  for (const cidr of cidrs) addNetwork(networks, cidr)
  if (cidrs.length === 0) return { hold: () => false }
  return {
    hold(text) {
      const address = parseIpAddress(text)
      return address !== null && networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
    },
  }
}

/** Whether a network is part of another: of the same family, no larger, and begun in it. Both are ones that parse. */
export function isWithin(inner: string, outer: string): boolean {
  const [one, other] = [read(inner), read(outer)]
  if (isIPv4(one.address) !== isIPv4(other.address) || one.bits < other.bits) return false
  return parseNetworks([outer]).hold(one.address)
}

function addNetwork(networks: BlockList, cidr: string): void {
  const { address, bits } = read(cidr)
  networks.addSubnet(address, bits, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function read(cidr: string): { readonly address: string; readonly bits: number } {
  const [network = '', length, ...rest] = cidr.trim().split('/')
  const address = parseIpAddress(network)
  if (!address || rest.length > 0) throw new Error(`"${cidr}" is not a network such as 10.0.0.0/8.`)
  if (isIPv4(address) !== isIPv4(network)) throw new Error(`"${cidr}" is to be written as IPv4.`)
  const most = isIPv4(address) ? 32 : 128
  const bits = length === undefined ? most : prefixLength(length)
  if (bits >= 1 && bits <= most) return { address, bits }
  throw new Error(`"${cidr}" needs a prefix length from 1 to ${most}.`)
}

function prefixLength(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
}
