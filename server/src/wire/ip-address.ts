import { isIPv4, isIPv6 } from 'node:net'

/**
 * The one spelling of an IP address, or null when it is none. IPv6 comes as eight plain groups joined and
 * shortened by RFC 5952, without its zone; an IPv4 address in IPv6 clothes (RFC 4291, 2.5.5.2) as the IPv4.
 */
export function parseIpAddress(text: string): string | null {
  if (isIPv4(text)) return text
  if (!isIPv6(text)) return null
  const groups = ipv6Groups(text)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? dottedQuad(groups) : shorten(groups)
}

/** The eight 16-bit groups of a valid IPv6 address; a zone is dropped. */
export function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.replace(/%.*$/s, '').split('::')
  const before = readGroups(head)
  if (tail === undefined) return before
  const after = readGroups(tail)
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

/** The IPv4 address in the last 32 bits. */
export function dottedQuad(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

function readGroups(text: string): number[] {
  return text.split(':').filter(Boolean).flatMap(readGroup)
}

function readGroup(text: string): number[] {
  if (!text.includes('.')) return [Number.parseInt(text, 16)]
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [a * 256 + b, c * 256 + d]
}

/** RFC 5952: the first longest run of two or more zero groups becomes `::`. */
function shorten(groups: readonly number[]): string {
  const { start, length } = longestZeros(groups)
  if (length < 2) return spell(groups)
  return `${spell(groups.slice(0, start))}::${spell(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: index - length + 1, length }
  })
  return best
}

function spell(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}
