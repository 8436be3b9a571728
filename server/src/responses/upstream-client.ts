import { Agent, type Dispatcher, request } from 'undici'
import { guardedConnector } from './guarded-connector.ts'
import type { MayReach } from './upstream-address.ts'

type Options = Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body' | 'signal'>

/** Connections to the model servers. */
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
