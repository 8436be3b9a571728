import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { LiveSessionRow } from '../store/sessions.ts'
import { strict, Token, tolerated } from '../wire/body.ts'
import { limitHeaders } from '../wire/limit-headers.ts'
import { accessFields, RefreshTokenFields, refreshFields, TokenFields } from '../wire/reply.ts'
import { refused } from './audit.ts'
import { noticeRoaming } from './roaming.ts'
import {
  accessToken,
  continuation,
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
  const session = await (body.rotate ? rotated(call, claims) : touched(call, claims))
  await requireStanding(call, session, claims.jti)
  const next = body.rotate ? requireSuccessor(call, session, claims.jti) : null
  await noticeRoaming(call, session)

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

/** The session after its token was noted: what that asked for is asked of it here again, to say why not. */
function touched(call: Call, claims: Claims): Promise<LiveSessionRow> {
  const { sessions } = call.app.store
  const used = continuation(call, claims, 'session.refreshed')
  return readLiveSession(call.app, claims, call.now, () => sessions.touch(used))
}

/** The same after its token gave way to the successor. */
async function rotated(call: Call, claims: Claims): Promise<LiveSessionRow> {
  const { app, now } = call
  const { sessions } = app.store
  const used = continuation(call, claims, 'session.rotated')
  const { hash } = successor(app, claims.jti)
  const session = await readLiveSession(app, claims, now, () => sessions.rotate(used, hash))
  forgetSession(app, session.id)
  return session
}

/** Whoever comes with the same token, first or after another call, gets the same successor. */
function requireSuccessor(
  { app }: Call,
  session: LiveSessionRow,
  parentId: string,
): { refreshId: string; issuedAt: number } {
  const refreshId = standingSuccessor(app, session, parentId)
  if (!refreshId) throw new ApiError('TOKEN_INVALID')
  return { refreshId, issuedAt: session.refresh_issued_at }
}
