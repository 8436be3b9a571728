import type { App, Call, Origin } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Bucket } from '../limits.ts'
import { type Soon, whenHere } from '../soon.ts'
import type { ApiKeyLimits, ApiKeyRow } from '../store/api-keys.ts'
import type { LiveSessionRow } from '../store/sessions.ts'
import { apiKeyHashes, isApiKey } from './api-key.ts'
import { noteCanary } from './canary.ts'
import { type Retiring, retiringSecret } from './former-secret.ts'
import { findApiKey } from './key-lease.ts'
import { ownBuckets } from './key-limits.ts'
import { requireNetwork } from './key-network.ts'
import { isNamed, type ParentKey, parentOf } from './key-tree.ts'
import { noticeRoaming } from './roaming.ts'
import {
  findCurrentSession,
  findLeasedSession,
  findLiveSession,
  standing,
  waysOf,
} from './session.ts'

/** What an API key may be made for. */
export const scopes = ['responses', 'models', 'usage:read', 'account:read', 'keys:derive'] as const
export type Scope = (typeof scopes)[number]

/** What a key has from the operator's shell alone; of people, only an admin may do it. */
export const operatorScopes = ['tokens:introspect', 'events:read'] as const
export type OperatorScope = (typeof operatorScopes)[number]

/** Somebody with a session: password and code stand behind it. */
export interface SignedIn {
  readonly kind: 'signed-in'
  readonly userId: string
  readonly sessionId: string
  /** How they signed in, and when. */
  readonly amr: readonly string[]
  readonly signedInAt: number
}

/** A program with an API key. It never becomes a session and makes no other key. */
export interface KeyHolder {
  readonly kind: 'key-holder'
  readonly userId: string
  readonly keyId: string
  /** What is kept of the secret in hand: a key may have two. */
  readonly hash: string
  readonly scopes: readonly string[]
  /** Null means every model. */
  readonly models: readonly string[] | null
  readonly limits: ApiKeyLimits
  /** The key that made it, which bounds it; null of a person's. */
  readonly parent: ParentKey | null
  /** The key whose request limits its calls count on: its parent's where it has one. */
  readonly countedAs: string
  /** Request limits of that key's own, in place of its row's. */
  readonly own: readonly Bucket[]
  /** Set when the caller holds a secret that was replaced. */
  readonly retiring: Retiring | null
}

export type Principal = SignedIn | KeyHolder

/** The one credential of a request, as its header said. */
export interface Credential {
  readonly kind: 'bearer' | 'api-key' | 'cookie'
  readonly text: string
}

/** Who calls, or why not. An `ak_` behind Bearer is an API key: OpenAI's clients can send nothing else. */
export function authenticate(
  app: App,
  { kind, text }: Credential,
  origin: Origin,
  now: number,
): Soon<Principal> {
  if (kind === 'api-key' || text.startsWith('ak_')) return keyHolder({ app, origin, now }, text)
  if (kind === 'cookie') return browser({ app, origin, now }, text)
  const session = findLeasedSession(app, app.tokens.check('access', text, now), now)
  return whenHere(session, (row) => signedIn({ app, origin, now }, row))
}

/** A browser's cookie is the refresh token itself; one that was replaced is no proof any more. */
async function browser(
  { app, origin, now }: Pick<Call, 'app' | 'origin' | 'now'>,
  cookie: string,
): Promise<SignedIn> {
  const claims = app.tokens.check('refresh', cookie, now)
  const session = await findCurrentSession(app, claims, now)
  if (standing(app, session, claims.jti, now) === 'reused') throw new ApiError('TOKEN_INVALID')
  await noticeRoaming({ app, origin, now }, session)
  return signedIn({ app, origin, now }, session)
}

function signedIn(
  { app, origin, now }: Pick<Call, 'app' | 'origin' | 'now'>,
  session: LiveSessionRow,
): SignedIn {
  app.sightings.note(session, origin, now)
  return {
    kind: 'signed-in',
    userId: session.user_id,
    sessionId: session.id,
    amr: waysOf(session),
    signedInAt: session.created_at,
  }
}

/** The person behind a call that only a session may make. */
export function requireSignedIn({ principal }: Call<unknown, unknown, unknown>): SignedIn {
  if (principal?.kind !== 'signed-in') throw new ApiError('AUTHENTICATION_REQUIRED')
  return principal
}

/** The person behind a call, by whatever credential. */
export function userOf({ principal }: Call<unknown, unknown, unknown>): string {
  if (!principal) throw new ApiError('AUTHENTICATION_REQUIRED')
  return principal.userId
}

/** Who called, as they stand now. Throws when they may call no longer: a long answer is for those who still may. */
export async function requireStillAllowed(
  { app, origin, principal }: Pick<Call<unknown, unknown, unknown>, 'app' | 'origin' | 'principal'>,
  now: number,
): Promise<Principal | null> {
  if (principal?.kind === 'signed-in') {
    await findLiveSession(app, { sub: principal.userId, sid: principal.sessionId }, now)
  }
  if (principal?.kind !== 'key-holder') return principal
  const { keyId, userId, hash } = principal
  const row = requireLiveKey(await app.store.apiKeys.find(keyId, userId), now)
  // In the meantime its secret may have been replaced.
  if (row.hash !== hash && row.former_hash !== hash) throw new ApiError('INVALID_API_KEY')
  await requireNetwork({ app, origin, now }, row)
  return holderOf(row, [hash], now)
}

/** The program behind a call that only a key may make. */
export function requireKeyHolder({ principal }: Call<unknown, unknown, unknown>): KeyHolder {
  if (principal?.kind !== 'key-holder') throw new ApiError('AUTHENTICATION_REQUIRED')
  return principal
}

/** A key may be bound to some models. */
export function requireModel(principal: Principal | null, model: string): void {
  if (!mayUse(principal, model)) {
    throw new ApiError('INSUFFICIENT_PERMISSIONS', {
      details: { reason: 'model', limit: 'models' },
    })
  }
}

/** Whether a key is for a model, and its parent is. */
export function mayUse(principal: Principal | null, model: string): boolean {
  if (principal?.kind !== 'key-holder') return true
  const { models, parent } = principal
  return isNamed(model, models) && isNamed(model, parent?.models ?? null)
}

function keyHolder(call: Pick<Call, 'app' | 'origin' | 'now'>, text: string): Soon<KeyHolder> {
  return whenHere(findKeyHolder(call, text, findApiKey), ({ row, holder }) =>
    whenHere(requireNetwork(call, row), () => {
      noteKeyUse(call, row, holder)
      return holder
    }),
  )
}

/** That a key was used, and whether it was by the secret before the one it has. */
export function noteKeyUse(
  { app, origin, now }: Pick<Call, 'app' | 'origin' | 'now'>,
  row: ApiKeyRow,
  { retiring }: KeyHolder,
): void {
  app.keyUses.note(row, origin, now)
  if (retiring) app.keyUses.noteFormer(row, origin, now)
}

/** Who holds a key that opens something now, from wherever it is used; with the lease or without it. */
export function findKeyHolder(
  { app, origin, now }: Pick<Call, 'app' | 'origin' | 'now'>,
  text: string,
  find: typeof findApiKey,
): Soon<{ row: ApiKeyRow; holder: KeyHolder }> {
  // A wrong checksum is a typing mistake: no look-up is spent on it.
  if (!isApiKey(text)) throw new ApiError('INVALID_API_KEY')
  const hashes = apiKeyHashes(app.keyring, text)
  return whenHere(find(app, hashes, now), (found) => {
    if (found) noteCanary(app, found, origin, now)
    const row = requireLiveKey(found, now)
    return { row, holder: holderOf(row, hashes, now) }
  })
}

/** 401 when the secret in hand, known by what is kept of it, has been replaced for long enough. */
function holderOf(row: ApiKeyRow, hashes: readonly string[], now: number): KeyHolder {
  const parent = parentOf(row)
  return {
    kind: 'key-holder',
    userId: row.user_id,
    keyId: row.id,
    hash: hashes.find((hash) => hash === row.former_hash) ?? row.hash,
    scopes: row.scopes.split(' '),
    models: row.models?.split(' ') ?? null,
    limits: row,
    parent,
    countedAs: row.parent_id ?? row.id,
    own: ownBuckets(parent?.limits ?? row),
    retiring: retiringSecret(row, hashes, now),
  }
}

function requireLiveKey(row: ApiKeyRow | null, now: number): ApiKeyRow {
  if (!row || row.revoked_at !== null || row.disabled_at !== null || row.canary_at !== null) {
    throw new ApiError('INVALID_API_KEY')
  }
  if (row.paused_at !== null) throw new ApiError('API_KEY_PAUSED')
  if (row.expires_at !== null && now >= row.expires_at) throw new ApiError('API_KEY_EXPIRED')
  return row
}
