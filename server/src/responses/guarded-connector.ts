import { isIP } from 'node:net'
import { buildConnector } from 'undici'
import { guardedLookup, type MayReach, RefusedAddress } from './upstream-address.ts'

/** Connects to addresses that we may reach and to no other, whatever a name says the second time it is asked. */
export function guardedConnector(mayReach: MayReach, timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout, lookup: guardedLookup(mayReach) })
  return (options, done) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) && !mayReach(host)) return done(new RefusedAddress(), null)
    return connect(options, done)
  }
}
