import type { Flow } from '../frame/flows.ts'
import { installPeers } from '../frame/peers.ts'
import type { Setting, Side } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { BetterAuthTold, BetterAuthWishes } from '../subjects/better-auth.ts'
import type { GotrueTold } from '../subjects/gotrue.ts'
import type { OidcTold } from '../subjects/oidc-provider.ts'
import { PASSWORD } from './secrets.ts'
import { calls, same } from './sides.ts'

/** Peers, each with the flows that it is asked. */

interface BetterAuthSide {
  readonly by?: BetterAuthWishes['by']
  readonly on?: 'SQLite' | 'PostgreSQL'
  readonly people?: number
}

export function betterAuth(
  name: string,
  { by = 'session', on = 'SQLite', people = 32 }: BetterAuthSide,
  flowOf: (told: BetterAuthTold) => Flow,
): Side {
  return {
    name,
    isPeer: true,
    ...(on === 'PostgreSQL' ? { isOnPostgres: true } : {}),
    async open(setting) {
      const wishes = {
        by,
        people: Math.ceil(people * setting.share),
        ...(await databaseFor(on, setting)),
      }
      const subject = await startBetterAuth(wishes)
      return { subject, flow: flowOf(subject.told) }
    },
  }
}

async function databaseFor(on: BetterAuthSide['on'], setting: Setting) {
  return on === 'PostgreSQL' ? { databaseUrl: await setting.postgres() } : {}
}

export async function startBetterAuth(wishes: BetterAuthWishes) {
  await installPeers()
  return startSubject<BetterAuthTold>('better-auth', wishes)
}

const headers = {
  session: 'authorization',
  'cookie cache': 'cookie',
  JWT: 'authorization',
  'API key': 'x-api-key',
} as const

/** A call of a model behind better-auth, by what its plug-in takes. */
export const betterAuthCalls =
  (by: BetterAuthWishes['by']) =>
  ({ credentials }: BetterAuthTold): Flow =>
    calls(credentials, headers[by])

/** Its JWT plug-in makes a new token for a session that it looks up. */
export const betterAuthTokens = ({ tokens }: BetterAuthTold): Flow => ({
  kind: 'each',
  line: {
    method: 'GET',
    path: '/api/auth/token',
    headers: { authorization: 'Bearer CREDENTIAL' },
  },
  credentials: tokens,
  expected: { status: 200, has: '"token":"' },
})

/** A sign-in in one step. */
export const betterAuthSignIns = ({ people: [email = ''] }: BetterAuthTold): Flow =>
  same(
    { method: 'POST', path: '/api/auth/sign-in/email', json: { email, password: PASSWORD } },
    200,
    '"token":"',
  )

export function oidcProvider(name: string, does: 'continue' | 'rotate'): Side {
  const form =
    'grant_type=refresh_token&client_id=bench&client_secret=secret&refresh_token=CREDENTIAL'
  const line = { method: 'POST', path: '/token', form } as const
  const flowOf = (tokens: readonly string[]): Flow =>
    does === 'rotate'
      ? { kind: 'rotate', line, tokens, field: 'refresh_token' }
      : {
          kind: 'each',
          line,
          credentials: tokens,
          expected: { status: 200, has: '"access_token":"' },
        }
  return {
    name,
    isPeer: true,
    async open({ share }) {
      await installPeers()
      // It keeps the last thousand things that it made.
      const wishes = { tokens: Math.max(32, Math.ceil(300 * share)), rotate: does === 'rotate' }
      const subject = await startSubject<OidcTold>('oidc-provider', wishes)
      return { subject, flow: flowOf(subject.told.tokens) }
    },
  }
}

/** Supabase Auth, where somebody names its program: it is not to be had from npm. */
export function gotrue(name: string, flowOf: (told: GotrueTold) => Flow): Side[] {
  const program = process.env.BENCH_GOTRUE
  if (!program) return []
  const open: Side['open'] = async (setting) => {
    const wishes = { program, databaseUrl: await setting.postgres(), people: 64 }
    const subject = await startSubject<GotrueTold>('gotrue', wishes)
    return { subject, flow: flowOf(subject.told) }
  }
  return [{ name, isPeer: true, isOnPostgres: true, open }]
}

/** Who a token's person is: the way of a server that wants to hear of a sign-out. */
export const gotrueUsers = ({ accessTokens }: GotrueTold): Flow => ({
  kind: 'each',
  line: { method: 'GET', path: '/user', headers: { authorization: 'Bearer CREDENTIAL' } },
  credentials: accessTokens,
  expected: { status: 200, has: '"email":"person' },
})

export const gotrueRotations = ({ refreshTokens: tokens }: GotrueTold): Flow => ({
  kind: 'rotate',
  line: {
    method: 'POST',
    path: '/token?grant_type=refresh_token',
    json: { refresh_token: 'CREDENTIAL' },
  },
  tokens,
  field: 'refresh_token',
})

export const gotrueSignIns = ({ people: [email = ''] }: GotrueTold): Flow =>
  same(
    {
      method: 'POST',
      path: '/token?grant_type=password',
      json: { email, password: PASSWORD },
    },
    200,
    '"access_token":"',
  )
