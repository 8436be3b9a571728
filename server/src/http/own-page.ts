import type { FastifyRequest } from 'fastify'
import { baseAddress } from '../auth/link.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import { timesSent } from './edge.ts'

/** What is posted to a page of ours, or with its cookie, comes from a page of ours (security rule 19). */
export function requireOwnPage(app: App, request: FastifyRequest): void {
  const { headers, raw } = request
  const own = headers.origin !== undefined && originsOf(app, request).includes(headers.origin)
  if (!own || timesSent(raw, 'origin') !== 1) throw new ApiError('INSUFFICIENT_PERMISSIONS')
}

/** Where our pages are: at the public address, and on loopback at whatever port one came by. */
function originsOf(app: App, { headers }: FastifyRequest): string[] {
  const { host = '' } = headers
  const isLocal = isLoopback(host.toLowerCase().replace(/:\d{1,5}$/, ''))
  return [new URL(baseAddress(app)).origin, ...(isLocal ? [`http://${host}`] : [])]
}
