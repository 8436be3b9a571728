import { BlockList, isIPv4 } from 'node:net'
import { ipv6Groups, parseIpAddress } from './ip-address.ts'

/** A range of addresses, in the one spelling that we have for it. */
export interface SourceRange {
  readonly text: string
  /** Whether a source (an IPv4 address, or an IPv6 /64) lies in it. */
  has(source: string): boolean
}

/** What limits and sessions know of an IPv6 address: its /64. */
const SOURCE_BITS = 64

/**
 * A CIDR or a single address, or null when it is neither, or is everything. Of IPv6 nothing narrower than a /64 is
 * known anywhere, so such a one means the /64 around it.
 */
export function parseSourceRange(text: string): SourceRange | null {
  const [base = '', length, ...rest] = text.trim().split('/')
  const address = parseIpAddress(base)
  if (!address || rest.length > 0 || isIPv4(address) !== isIPv4(base)) return null
  const most = isIPv4(address) ? 32 : SOURCE_BITS
  const given = length === undefined ? 128 : Number(/^\d{1,3}$/.test(length) ? length : Number.NaN)
  const bits = Math.min(given, most)
  if (!(given >= 1 && given <= (isIPv4(address) && length !== undefined ? 32 : 128))) return null
  const list = new BlockList()
  list.addSubnet(address, bits, isIPv4(address) ? 'ipv4' : 'ipv6')
  return {
    text: `${networkAddress(address, bits)}/${bits}`,
    has(source) {
      const inside = parseIpAddress(source.replace(/\/64$/, ''))
      return inside !== null && list.check(inside, isIPv4(inside) ? 'ipv4' : 'ipv6')
    },
  }
}

/** The first address of the range: the bits behind it are no part of its name. */
function networkAddress(address: string, bits: number): string {
  const isShort = isIPv4(address)
  const size = isShort ? 8 : 16
  const parts = isShort ? address.split('.').map(Number) : ipv6Groups(address)
  const kept = parts.map((part, index) => {
    const left = Math.min(size, Math.max(0, bits - index * size))
    return part & ~(2 ** (size - left) - 1)
  })
  if (isShort) return kept.join('.')
  return parseIpAddress(kept.map((group) => group.toString(16)).join(':')) ?? address
}
