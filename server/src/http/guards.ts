import type { FastifyRequest } from 'fastify'
import {
  authenticate,
  type Credential,
  type KeyHolder,
  operatorScopes,
  type Principal,
} from '../auth/principal.ts'
import type { App } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { Room } from '../limiter/limiter.ts'
import type { LimitName } from '../limits.ts'
import type { TurnedAway } from '../responses/turned-away.ts'
import type { Route } from '../routes.ts'
import { type Soon, whenFailed, whenHere } from '../soon.ts'
import { limitHeaders } from '../wire/limit-headers.ts'
import { moment } from '../wire/reply.ts'
import { MOST_SMALL_BYTES, timesSent } from './edge.ts'
import { readCookie, setCookie } from './hub/cookies.ts'
import { requireOwnPage } from './own-page.ts'

/** A /48 has ten times what one of its /64 has. */
const NETWORK_TIMES = 10

/** The largest body this route reads. */
export function bodyLimit(app: App, route: Route): number {
  return route.gateway ? app.config.maxRequestBytes : MOST_SMALL_BYTES
}

/** The declared size and type of a body, before a byte of it is read. */
export function requireBodyType(app: App, route: Route, request: FastifyRequest): void {
  const { headers } = request
  if (Number(headers['content-length'] ?? 0) > bodyLimit(app, route)) {
    throw new ApiError('PAYLOAD_TOO_LARGE')
  }
  if (!route.body) return
  const empty = !headers['transfer-encoding'] && Number(headers['content-length'] ?? 0) === 0
  const type = headers['content-type']
  if (empty && route.bodyOptional && type === undefined) return
  const fits = type !== undefined && (isJson(type) || (route.form && isForm(type)))
  const once = timesSent(request.raw, 'content-type') === 1
  if (!fits || !once || headers['content-encoding']) throw new ApiError('UNSUPPORTED_MEDIA_TYPE')
}

const isJson = (type: string) => /^application\/json(; ?charset=utf-8)?$/i.test(type)
const isForm = (type: string) =>
  /^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i.test(type)

/** Who calls. Refused credentials are counted by source, so that guessing them is slow. */
export function identify(app: App, route: Route, request: FastifyRequest): Soon<Principal | null> {
  if (route.who === 'open') return null
  const credential = readCredential(app, request)
  if (!credential) throw new ApiError('AUTHENTICATION_REQUIRED')
  const { origin, startedAt } = request
  return whenHere(app.limiter.look('refused-source', origin.source, startedAt), (ahead) => {
    if (!ahead.allowed) throw tooMany('TOO_MANY_REQUESTS', ahead.waitMs)
    return whenFailed(
      () => authenticate(app, credential, origin, startedAt),
      (cause) => countRefusal(app, request, credential, cause),
    )
  })
}

function countRefusal(
  app: App,
  { answerHeaders, origin, startedAt }: FastifyRequest,
  { kind }: Credential,
  cause: unknown,
): Soon<never> {
  const isRefusal = cause instanceof ApiError && [401, 403].includes(cause.status)
  if (!isRefusal) throw cause
  if (kind === 'cookie') answerHeaders['set-cookie'] = setCookie(app.config, 'session', null)
  return whenHere(app.limiter.take('refused-source', origin.source, startedAt), (counted) => {
    // Calls that looked at the same moment are told apart here: no more are refused as such than the row has room for.
    if (!counted.allowed) throw tooMany('TOO_MANY_REQUESTS', counted.waitMs)
    throw cause
  })
}

/** What is told to a caller whose secret was replaced: RFC 9745, and RFC 8594. */
export function retirementHeaders(principal: Principal | null): Record<string, string> {
  if (principal?.kind !== 'key-holder' || !principal.retiring) return {}
  const { since, until } = principal.retiring
  return {
    deprecation: `@${Math.floor(since / 1000)}`,
    sunset: new Date(until).toUTCString(),
  }
}

/** Counts the call on its row and tells the caller where it stands. */
export function spendCall(
  app: App,
  { limit, gateway }: Route,
  principal: Principal | null,
  { origin, id }: Pick<FastifyRequest, 'origin' | 'id'>,
  now: number,
): Soon<Record<string, string>> {
  if (!limit) return {}
  const of = principal ? callerOf(principal) : origin.source
  return whenHere(app.limiter.take(limit, of, now, roomOf(principal)), (ruling) => {
    const headers = limitHeaders(limit, ruling, now)
    if (!ruling.allowed) {
      const resetsAt = now + ruling.waitMs
      if (principal && gateway) app.turnedAway.set(id, turnedAway(principal, limit, now, resetsAt))
      const named = { limit, resets_at: moment(resetsAt) }
      throw tooMany('TOO_MANY_REQUESTS', ruling.waitMs, headers, named)
    }
    if (principal || !origin.network) return headers
    return spendNetwork(app, limit, origin.network, headers, now)
  })
}

async function spendNetwork(
  app: App,
  limit: LimitName,
  network: string,
  headers: Record<string, string>,
  now: number,
): Promise<Record<string, string>> {
  const wider = await app.limiter.take(limit, network, now, { times: NETWORK_TIMES })
  if (!wider.allowed) throw tooMany('TOO_MANY_REQUESTS', wider.waitMs, headers)
  return headers
}

/** Counts a look at a page that takes a secret, by source: what is behind it has no row of its own. */
export async function spendLook(
  app: App,
  { origin, startedAt }: Pick<FastifyRequest, 'origin' | 'startedAt'>,
): Promise<void> {
  const ruling = await app.limiter.take('verify-source', origin.source, startedAt)
  if (!ruling.allowed) throw tooMany('TOO_MANY_REQUESTS', ruling.waitMs)
}

/** What only a program with a key does. */
const forKeys = ['anyKey', 'keys:derive'] as const

/** The last check: whether who calls may do this. */
export function requireRight(app: App, route: Route, principal: Principal | null): Soon<void> {
  if (route.who === 'admin') return requireAdmin(app, principal)
  if (route.who === 'open') return
  if (route.who === 'authenticated' && principal) return
  const isOperators = operatorScopes.some((scope) => scope === route.who)
  if (isOperators && principal?.kind === 'signed-in') return requireAdmin(app, principal)
  if (principal?.kind === 'signed-in' && !forKeys.some((who) => who === route.who)) return
  if (principal?.kind === 'key-holder' && mayKey(principal, route.who)) return
  throw new ApiError('INSUFFICIENT_PERMISSIONS')
}

function mayKey({ scopes }: KeyHolder, who: Route['who']): boolean {
  return who === 'anyKey' || (who !== 'signedIn' && scopes.includes(who))
}

/** Read from the database at every call: who was demoted has no moment left. No API key is an admin. */
async function requireAdmin(app: App, principal: Principal | null): Promise<void> {
  const user = principal?.kind === 'signed-in' ? await app.store.users.find(principal.userId) : null
  if (user?.role !== 'admin' || user.disabled_at !== null) {
    throw new ApiError('INSUFFICIENT_PERMISSIONS')
  }
}

const credentialHeaders = ['authorization', 'api-key', 'x-api-key', 'freddy-session'] as const

/** The one credential of a request (security rule 18). Two are refused, whatever either is worth. */
function readCredential(app: App, request: FastifyRequest): Credential | null {
  const { headers, raw } = request
  const sent = credentialHeaders.filter((name) => headers[name] !== undefined)
  const count = sent.reduce((sum, name) => sum + timesSent(raw, name), 0)
  if (count > 1) throw new ApiError('AMBIGUOUS_CREDENTIALS')
  if (count === 0) return null
  if (headers['freddy-session'] !== undefined) return readSessionCookie(app, request)
  const key = headers['api-key'] ?? headers['x-api-key']
  if (key !== undefined) return { kind: 'api-key', text: String(key) }
  const [, text] = /^bearer ([!-~]+)$/i.exec(headers.authorization ?? '') ?? []
  return text ? { kind: 'bearer', text } : null
}

/** Kept in memory only: a flood of refusals must not fill the disk. */
function turnedAway(principal: Principal, limit: string, at: number, resetsAt: number): TurnedAway {
  const holder = principal.kind === 'key-holder' ? principal : null
  const keys = { keyId: holder?.keyId ?? null, parentId: holder?.parent?.id ?? null }
  return { userId: principal.userId, ...keys, limit, at, resetsAt }
}

/** A key with request limits of its own is held to those. */
function roomOf(principal: Principal | null): Room {
  return principal?.kind === 'key-holder' ? { own: principal.own } : usualRoom
}

const usualRoom: Room = {}

/**
 * A page of ours asks with `freddy-session: cookie`: no other site can send that header with this cookie, and
 * without it the cookie is nothing.
 */
function readSessionCookie(app: App, request: FastifyRequest): Credential | null {
  if (request.headers['freddy-session'] !== 'cookie') return null
  if (request.method !== 'GET' && request.method !== 'HEAD') requireOwnPage(app, request)
  const text = readCookie(app.config, request.headers, 'session')
  return text ? { kind: 'cookie', text } : null
}

function callerOf(principal: Principal): string {
  return principal.kind === 'signed-in' ? principal.userId : principal.countedAs
}
