import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { LiveSessionRow } from '../store/sessions.ts'
import { strict, Token, tolerated } from '../wire/body.ts'
import { limitHeaders } from '../wire/limit-headers.ts'
import { accessFields, RefreshTokenFields, refreshFields, TokenFields } from '../wire/reply.ts'
import { allowed, refused } from './audit.ts'
import { noticeRoaming } from './roaming.ts'
import {
  accessToken,
  forgetSession,
  readLiveSession,
  refreshToken,
  standing,
  standingSuccessor,
  successor,
  waysOf,
} from './session.ts'
import type { Claims } from './token.ts'

export const RefreshBody = Type.Object(
  { refresh_token: Token, rotate: Type.Optional(Type.Boolean()), ...tolerated },
  strict,
)

export const RefreshAnswer = Type.Object({
  ...TokenFields,
  refreshToken: Type.Optional(RefreshTokenFields.refreshToken),
  refresh_token: Type.Optional(RefreshTokenFields.refresh_token),
})

/** A new access token; the refresh token goes on working unless the client asks for another (contract S6). */
export async function refresh(
  call: Call<Static<typeof RefreshBody>>,
): Promise<Static<typeof RefreshAnswer>> {
  const { app, body, now } = call
  const claims = app.tokens.check('refresh', body.refresh_token, now)
  await spendRefresh(call, claims.sid)
  const session = await readLiveSession(app, claims, now)
  await requireStanding(call, session, claims.jti)
  await noticeRoaming(call, session)

  const next = body.rotate ? await rotate(call, session, claims) : null
  if (!next) await continued(call, session)
  const life = {
    id: session.id,
    userId: session.user_id,
    expiresAt: session.expires_at,
    amr: waysOf(session),
  }
  const { token, expiresIn } = accessToken(app, life, now)
  return {
    ...accessFields(token, expiresIn, session.id),
    ...(next ? refreshFields(refreshToken(app, life, next.refreshId, next.issuedAt)) : {}),
  }
}

async function spendRefresh({ app, headers, now }: Call, sessionId: string): Promise<void> {
  const ruling = await app.limiter.take('refresh', sessionId, now)
  Object.assign(headers, limitHeaders('refresh', ruling, now))
  if (!ruling.allowed) throw tooMany('TOO_MANY_REQUESTS', ruling.waitMs)
}

/** A token that was replaced longer ago than an answer takes to get lost is in two hands: the session ends. */
async function requireStanding(
  call: Call,
  session: LiveSessionRow,
  refreshId: string,
): Promise<void> {
  const { app, now } = call
  if (standing(app, session, refreshId, now) !== 'reused') return
  const about = { reason: 'token_reuse', userId: session.user_id, subjectId: session.id }
  await app.store.sessions.end(session.id, 'token_reuse', refused(call, 'session.ended', about))
  forgetSession(app, session.id)
  throw new ApiError('TOKEN_INVALID', { details: { reason: 'token_reuse' } })
}

async function rotate(
  call: Call,
  session: LiveSessionRow,
  claims: Claims,
): Promise<{ refreshId: string; issuedAt: number }> {
  const { app, now } = call
  const { refreshId, hash } = successor(app, claims.jti)
  const about = { userId: session.user_id, subjectId: session.id }
  const isCurrent = standing(app, session, claims.jti, now) === 'current'
  const event = allowed(call, 'session.rotated', about)
  if (
    isCurrent &&
    (await app.store.sessions.rotate(session.id, session.refresh_hash, hash, event))
  ) {
    forgetSession(app, session.id)
    return { refreshId, issuedAt: now }
  }
  return standingChild(call, claims)
}

/** Another call was first with the same token: it gets the same successor. */
async function standingChild(
  call: Call,
  claims: Claims,
): Promise<{ refreshId: string; issuedAt: number }> {
  const session = await readLiveSession(call.app, claims, call.now)
  await requireStanding(call, session, claims.jti)
  const refreshId = standingSuccessor(call.app, session, claims.jti)
  if (!refreshId) throw new ApiError('TOKEN_INVALID')
  return { refreshId, issuedAt: session.refresh_issued_at }
}

async function continued(call: Call, session: LiveSessionRow): Promise<void> {
  const about = { userId: session.user_id, subjectId: session.id }
  await call.app.store.sessions.touch(session.id, allowed(call, 'session.refreshed', about))
}
