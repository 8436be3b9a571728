import type { Origin } from '../context.ts'
import { programName } from './device-name.ts'

/** The network around a source, as wide as a provider gives out: a /16 of IPv4, a /32 of IPv6. */
export function networkOf(source: string): string {
  return source.split(/[.:]/).slice(0, 2).join('.')
}

/** Where somebody sits, as far as it stays the same from day to day: the network, and the kind of program. */
export function placeOf({ source, agent }: Pick<Origin, 'source' | 'agent'>): string {
  return `${networkOf(source)} ${programName(agent)}`
}

/** Whether a place has nothing in common with another: neither the network nor the kind of program. */
export function isElsewhere(place: string, origin: Pick<Origin, 'source' | 'agent'>): boolean {
  const [network = '', ...program] = place.split(' ')
  return network !== networkOf(origin.source) && program.join(' ') !== programName(origin.agent)
}
