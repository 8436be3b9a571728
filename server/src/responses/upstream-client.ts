import { isIP } from 'node:net'
import { Agent, buildConnector, type Dispatcher, request } from 'undici'
import { guardedLookup, type MayReach, RefusedAddress } from './upstream-address.ts'

type Options = Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body' | 'signal'>

/** Connections to model servers, and to endpoints that events are sent to. */
export interface UpstreamClient {
  request(url: string, options: Options): Promise<Dispatcher.ResponseData>
  close(): Promise<void>
}

export function createUpstreamClient(mayReach: MayReach, connectMs: number): UpstreamClient {
  const agent = new Agent({
    connect: guardedConnector(mayReach, connectMs),
    connections: 512,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: -1,
  })
  return {
    request: (url, options) => request(url, { ...options, dispatcher: agent }),
    close: () => agent.destroy(),
  }
}

/** Connects to addresses that we may reach and to no other, whatever a name says the second time it is asked. */
function guardedConnector(mayReach: MayReach, timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout, lookup: guardedLookup(mayReach) })
  return (options, done) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) && !mayReach(host)) return done(new RefusedAddress(), null)
    return connect(options, done)
  }
}
