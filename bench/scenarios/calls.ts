import { echoCall, type Flow } from '../frame/flows.ts'
import type { Comparison } from '../frame/scenario.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { betterAuth, betterAuthCalls, gotrue, gotrueUsers } from './peers.ts'
import {
  calls,
  fastify,
  floor,
  freddy,
  freddyOnPostgres,
  MANY,
  same,
  WARM,
  whoCalls,
} from './sides.ts'

/** Calls, by each kind of credential and by none. */

const authenticated: Comparison = {
  name: 'authenticated',
  title: 'A call with an access token: 2,000 of them, revocation honoured on each',
  goal: 'P1: 0.92 of Fastify, 1.10 of its CPU',
  unit: 'calls',
  connections: 32,
  sides: [
    fastify,
    floor('node:http', 'node-http', calls(['x'.repeat(400)])),
    freddy('Freddy Auth', { sessions: WARM }, ({ accessTokens }) => calls(accessTokens)),
    freddy('Freddy Auth, who calls: nothing booked', { sessions: WARM }, whoCalls),
    betterAuth('better-auth, session', {}, betterAuthCalls('session')),
    betterAuth(
      'better-auth, session, PostgreSQL',
      { on: 'PostgreSQL' },
      betterAuthCalls('session'),
    ),
    betterAuth(
      'better-auth, cookie cache (ends within 5 min)',
      { by: 'cookie cache' },
      betterAuthCalls('cookie cache'),
    ),
    betterAuth(
      'better-auth, JWT and jose (until it expires)',
      { by: 'JWT' },
      betterAuthCalls('JWT'),
    ),
    ...gotrue('Supabase Auth, GET /user', gotrueUsers),
  ],
}

const firstSeen: Comparison = {
  name: 'first-seen',
  title: 'A call with an access token, each token and session met for the first time',
  goal: 'P2: 0.70 of Fastify',
  unit: 'calls',
  connections: 32,
  sides: [
    fastify,
    freddy('Freddy Auth', { sessions: MANY }, ({ accessTokens }) => calls(accessTokens)),
  ],
}

const byKey = ({ keys }: FreddyTold) => calls(keys, 'api-key')

const apiKey: Comparison = {
  name: 'api-key',
  title: 'A call with an API key: 2,000 of them',
  goal: 'P3: 0.85 of Fastify',
  unit: 'calls',
  connections: 32,
  sides: [
    fastify,
    freddy('Freddy Auth', { keys: WARM }, byKey),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { keys: WARM }, byKey),
    betterAuth('better-auth, API key', { by: 'API key' }, betterAuthCalls('API key')),
    betterAuth(
      'better-auth, API key, PostgreSQL',
      { by: 'API key', on: 'PostgreSQL' },
      betterAuthCalls('API key'),
    ),
  ],
}

const nothingSent = same(echoCall(null), 401, '_')
const forged = ({ accessTokens: [token = ''] }: { accessTokens: readonly string[] }): Flow => ({
  ...same(echoCall(`Bearer ${token.slice(0, -6)}forged`), 401, '"TOKEN_INVALID"'),
})

const refused: Comparison = {
  name: 'refused',
  title: 'A call that is refused',
  goal: 'P4: 1.1 of the CPU of Fastify',
  unit: 'refusals',
  connections: 32,
  sides: [
    floor('Fastify', 'fastify', nothingSent),
    freddy('Freddy Auth, no credential', { sessions: 1 }, () => nothingSent),
    freddy('Freddy Auth, forged token', { sessions: 1 }, forged),
  ],
}

export const callComparisons = [authenticated, firstSeen, apiKey, refused] as const
