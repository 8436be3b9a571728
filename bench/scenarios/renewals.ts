import type { Flow } from '../frame/flows.ts'
import type { Comparison } from '../frame/scenario.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { betterAuth, betterAuthTokens, gotrue, gotrueRotations, oidcProvider } from './peers.ts'
import {
  continuations,
  fastify,
  floor,
  freddy,
  freddyOnPostgres,
  rotations,
  same,
  WARM,
} from './sides.ts'

/** New tokens for old ones. */

const continued = ({ refreshTokens }: FreddyTold): Flow => continuations(refreshTokens)
const rotated = ({ refreshTokens }: FreddyTold): Flow => rotations(refreshTokens)

const refresh: Comparison = {
  name: 'refresh',
  title: 'A new access token by a refresh token that stays, with its session in the database',
  goal: 'P5: 0.40 of Fastify, 8 times oidc-provider',
  unit: 'refreshes',
  connections: 32,
  sides: [
    fastify,
    freddy('Freddy Auth', { sessions: WARM }, continued),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { sessions: WARM }, continued),
    oidcProvider('oidc-provider, in memory', 'continue'),
    betterAuth('better-auth, /token', { by: 'JWT' }, betterAuthTokens),
    betterAuth(
      'better-auth, /token, PostgreSQL',
      { by: 'JWT', on: 'PostgreSQL' },
      betterAuthTokens,
    ),
  ],
}

const rotate: Comparison = {
  name: 'rotate',
  title: 'A new refresh token each time, on disk before the answer',
  goal: 'P6: 6 times one commit for each request (12 times on a slow disk), 7 times oidc-provider, 25 times /token of better-auth',
  unit: 'rotations',
  connections: 32,
  sides: [
    floor(
      'Fastify, a commit each',
      'statement',
      same({ method: 'POST', path: '/write', json: {} }, 200, '"refreshToken":"'),
    ),
    freddy('Freddy Auth', { sessions: WARM }, rotated),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { sessions: WARM }, rotated),
    oidcProvider('oidc-provider, in memory', 'rotate'),
    betterAuth('better-auth, /token: nothing written', { by: 'JWT' }, betterAuthTokens),
    ...gotrue('Supabase Auth, PostgreSQL', gotrueRotations),
  ],
}

export const renewalComparisons = [refresh, rotate] as const
