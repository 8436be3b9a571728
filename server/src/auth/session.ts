import type { KeyObject } from 'node:crypto'
import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Soon } from '../soon.ts'
import type { Continuation } from '../store/continuation.ts'
import type { NewSession } from '../store/session-start.ts'
import type { LiveSessionRow } from '../store/sessions.ts'
import { allowed } from './audit.ts'
import { askOrLease, holds } from './belief.ts'
import { keyedHash } from './keyring.ts'
import type { Remembered } from './memory.ts'
import { placeOf } from './place.ts'
import { randomBytes, randomId } from './random.ts'
import { endOf, idleSince } from './session-end.ts'
import type { Claims } from './token.ts'

const DAY = 86_400_000
/** A session ends here whatever happens (S4). */
const SESSION_LIFE_MS = 30 * DAY
/** How long the token before the current one is taken for a lost answer, and not for a thief's. */
const GRACE_MS = 10_000
/** How long a row is believed to name the current refresh token: no change is told of one that is replaced. */
const CURRENT_MS = 750

/** Whose token it is, and of which session. */
type Bearer = Pick<Claims, 'sub' | 'sid'>

/** A session that is about to start, and the id of its first refresh token. */
export function newSession(
  call: Call,
  userId: string,
  device: NewSession['device'],
  said: NewSession['said'],
  amr: readonly string[],
): { session: NewSession; refreshId: string } {
  const { app, origin, now } = call
  const refreshId = randomBytes(16).toString('base64url')
  const session = {
    id: randomId('ses_'),
    userId,
    device,
    said,
    place: placeOf(origin),
    source: origin.source,
    agent: origin.agent,
    language: app.letterTexts.choose(origin.languages),
    createdAt: now,
    expiresAt: now + SESSION_LIFE_MS,
    refreshHash: keyedHash(app.keyring.current.of.session, refreshId),
    amr,
  }
  return { session, refreshId }
}

/** An access token, never longer than its session, and its life in seconds. */
export function accessToken(
  app: App,
  session: { id: string; userId: string; expiresAt: number; amr: readonly string[] },
  now: number,
): { token: string; expiresIn: number } {
  const end = Math.min(now + app.config.accessLifeMs, session.expiresAt)
  const claims = {
    sub: session.userId,
    sid: session.id,
    jti: randomBytes(16).toString('base64url'),
    amr: session.amr,
  }
  const iat = Math.floor(now / 1000)
  const exp = Math.floor(end / 1000)
  return { token: app.tokens.sign('access', { ...claims, iat, exp }), expiresIn: exp - iat }
}

/** The refresh token of this id: the same text however often it is made. */
export function refreshToken(
  app: App,
  session: { id: string; userId: string; expiresAt: number },
  refreshId: string,
  issuedAt: number,
): string {
  return app.tokens.sign('refresh', {
    sub: session.userId,
    sid: session.id,
    jti: refreshId,
    iat: Math.floor(issuedAt / 1000),
    exp: Math.floor(session.expiresAt / 1000),
  })
}

/** What a refresh token is to its session: the current one, the one just replaced, or one that is long over. */
export function standing(
  app: App,
  session: LiveSessionRow,
  refreshId: string,
  now: number,
): 'current' | 'parent' | 'reused' {
  const hashes = hashesOf(app, refreshId)
  if (hashes.includes(session.refresh_hash)) return 'current'
  const parent = session.parent_hash !== null && hashes.includes(session.parent_hash)
  return parent && now - session.refresh_issued_at <= GRACE_MS ? 'parent' : 'reused'
}

/** What a session has to be for this refresh token to continue it, in the words of the database. */
export function continuation(call: Call, { sub, sid, jti }: Claims, event: string): Continuation {
  const { app, now } = call
  return {
    id: sid,
    userId: sub,
    hashes: hashesOf(app, jti),
    graceSince: now - GRACE_MS,
    idleSince: idleSince(app.config, now),
    event: allowed(call, event, { userId: sub, subjectId: sid }),
  }
}

/**
 * The successor follows from its parent's id, which only the token's holder and no row knows: asked twice, it is
 * the same token twice, and nothing that could be read is stored.
 */
export function successor(app: App, parentId: string): { refreshId: string; hash: string } {
  const refreshId = childId(app.keyring.current.of.session, parentId)
  return { refreshId, hash: keyedHash(app.keyring.current.of.session, refreshId) }
}

/** The successor that the session already has, found again from its parent. */
export function standingSuccessor(
  app: App,
  session: LiveSessionRow,
  parentId: string,
): string | null {
  const children = app.keyring.all.map((keys) => childId(keys.of.session, parentId))
  return children.find((id) => hashesOf(app, id).includes(session.refresh_hash)) ?? null
}

/** The session of a genuine token, if it is alive; the database is asked where nobody here knows. */
export function findLiveSession(app: App, bearer: Bearer, now: number): Soon<LiveSessionRow> {
  return believed(app, bearer, now)?.row ?? readLiveSession(app, bearer, now)
}

/** The same, and while the database does not answer as it was last: for who uses it, and for nobody who asks about it. */
export function findLeasedSession(app: App, bearer: Bearer, now: number): Soon<LiveSessionRow> {
  return believed(app, bearer, now)?.row ?? readOrLease(app, bearer, now)
}

async function readOrLease(app: App, bearer: Bearer, now: number): Promise<LiveSessionRow> {
  const place = { shelf: app.memory.sessions, names: [bearer.sid] }
  const row = await askOrLease(app, place, now, () => readLiveSession(app, bearer, now))
  return requireLive(app, row, bearer, now)
}

/** The same with its refresh token as it is now. */
export async function findCurrentSession(
  app: App,
  bearer: Bearer,
  now: number,
): Promise<LiveSessionRow> {
  const known = believed(app, bearer, now)
  const isCurrent = known && now - known.read.at < CURRENT_MS
  return isCurrent ? known.row : readLiveSession(app, bearer, now)
}

/** The same, as the database says it now: when it is asked, or when something else was done there. */
export async function readLiveSession(
  app: App,
  bearer: Bearer,
  now: number,
  read: () => Promise<LiveSessionRow | null> = () => app.store.sessions.find(bearer.sid),
): Promise<LiveSessionRow> {
  const reading = app.feed.begin(now)
  const row = requireLive(app, await read(), bearer, now)
  app.memory.sessions.keep([row.id], row, reading)
  return row
}

/** Idle is only what the database says so of: it may have been seen by another server. */
function believed(app: App, bearer: Bearer, now: number): Remembered<LiveSessionRow> | null {
  const known = app.memory.sessions.find(bearer.sid)
  if (!known || known.row.user_id !== bearer.sub || !holds(app, known, now)) return null
  return endOf(app.config, known.row, now) === null ? known : null
}

/** From now on this process asks the database again. */
export function forgetSession(app: App, id: string): void {
  app.memory.sessions.forget(id)
}

/** The same for everything of a person, keys included. */
export function forgetPerson(app: App, userId: string): void {
  app.memory.forgetPerson(userId)
}

/** Why its session ended is told to who holds a genuine token of it, and to nobody else. */
function requireLive(
  app: App,
  row: LiveSessionRow | null,
  { sub }: Bearer,
  now: number,
): LiveSessionRow {
  if (row?.user_id !== sub) throw new ApiError('TOKEN_INVALID')
  const reason = endOf(app.config, row, now)?.reason
  if (!reason) return row
  const isOver = reason === 'expired' || reason === 'idle'
  throw new ApiError(isOver ? 'TOKEN_EXPIRED' : 'TOKEN_INVALID', { details: { reason } })
}

/** How the person of a session signed in; before that was kept, there was one way. */
export function waysOf(session: Pick<LiveSessionRow, 'amr'>): readonly string[] {
  return session.amr?.split(' ') ?? ['pwd', 'email']
}

const childId = (key: KeyObject, parentId: string) => keyedHash(key, 'successor', parentId)

function hashesOf(app: App, refreshId: string): string[] {
  return app.keyring.all.map((keys) => keyedHash(keys.of.session, refreshId))
}
