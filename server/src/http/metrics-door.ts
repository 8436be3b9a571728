import { once } from 'node:events'
import { sameText } from '../auth/keyring.ts'
import { type Config, ConfigError } from '../config.ts'
import type { App } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { createServer } from './create-server.ts'
import type { Http } from './server.ts'

/** `/metrics` of the server itself, for whoever has METRICS_TOKEN; without one it is not there. */
export function metricsDoor({ config, limiter }: App, http: Http, metrics: Metrics): void {
  const { metricsToken } = config
  if (!metricsToken) return
  http.get('/metrics', async ({ headers, origin, startedAt }, reply) => {
    const ahead = await limiter.look('refused-source', origin.source, startedAt)
    if (!ahead.allowed) throw tooMany('TOO_MANY_REQUESTS', ahead.waitMs)
    if (!holds(headers.authorization, metricsToken)) {
      await limiter.take('refused-source', origin.source, startedAt)
      throw new ApiError('AUTHENTICATION_REQUIRED')
    }
    const text = await metrics.read()
    return reply.header('cache-control', 'no-store').type(metrics.contentType).send(text)
  })
}

/** A listener of its own, which knows nothing but `/metrics`. */
export interface MetricsPort {
  listen(): Promise<void>
  address(): string
  close(): Promise<void>
}

export function createMetricsPort(config: Config, metrics: Metrics): MetricsPort {
  const { metricsAt, metricsToken } = config
  const server = createServer(({ method, url, headers }, answer) => {
    const refuse = (status: number) => answer.writeHead(status).end()
    if (url !== '/metrics' || method !== 'GET') return refuse(404)
    if (metricsToken && !holds(headers.authorization, metricsToken)) return refuse(401)
    const type = { 'content-type': metrics.contentType }
    return metrics.read().then(
      (text) => answer.writeHead(200, type).end(text),
      () => refuse(500),
    )
  })
  server.requestTimeout = 10_000
  server.maxConnections = 20
  return {
    async listen() {
      const listening = once(server, 'listening')
      server.listen(metricsAt ?? undefined)
      await listening.catch((cause: NodeJS.ErrnoException) => {
        throw new ConfigError([`METRICS_PORT: nobody can listen there (${cause.code})`])
      })
    },
    address() {
      const bound = server.address()
      const port = bound !== null && typeof bound === 'object' ? bound.port : metricsAt?.port
      const host = metricsAt?.host ?? ''
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`
    },
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const holds = (given: string | undefined, token: string) => sameText(given ?? '', `Bearer ${token}`)
