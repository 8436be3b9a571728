import type { Flow } from '../frame/flows.ts'
import type { Comparison } from '../frame/scenario.ts'
import type { BetterAuthTold } from '../subjects/better-auth.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import {
  betterAuth,
  betterAuthCalls,
  betterAuthSignIns,
  betterAuthTokens,
  gotrue,
  gotrueSignIns,
} from './peers.ts'
import { PASSWORD } from './secrets.ts'
import {
  calls,
  continuations,
  floor,
  freddy,
  freddyOnPostgres,
  letIn,
  logins,
  PEOPLE,
  signIns,
  turnedAway,
  WARM,
} from './sides.ts'

/** From the password on, by itself and among other work. */

const hashed = { status: 200, has: '"right":true' }
const hash = {
  kind: 'each',
  line: { method: 'POST', path: '/v1/auth/login', json: { password: PASSWORD } },
  credentials: [''],
  expected: hashed,
} as const
const hashAlone = floor('argon2id alone', 'fastify', hash)
const loggedIn = ({ people }: FreddyTold) => signIns(people, 'login')
const verified = ({ people }: FreddyTold) => signIns(people, 'verify')
const told = ({ people }: FreddyTold) => signIns(people, 'call')

const login: Comparison = {
  name: 'login',
  title: 'A right password, and the code on its way; back to back by one client',
  goal: 'P7: 1.12 of the time of the hash',
  unit: 'logins',
  connections: 1,
  sides: [
    hashAlone,
    freddy('Freddy Auth', { people: PEOPLE }, loggedIn),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { people: PEOPLE }, loggedIn),
  ],
}

const verify: Comparison = {
  name: 'verify',
  title: 'A login, and its code: two answers; back to back by one client',
  unit: 'sign-ins',
  connections: 1,
  sides: [
    hashAlone,
    freddy('Freddy Auth', { people: PEOPLE }, verified),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { people: PEOPLE }, verified),
  ],
}

const story: Comparison = {
  name: 'story',
  title: 'A whole story: login, verify, refresh, a call',
  goal: 'P8: 0.95 of the hashes on the same threads, 8 times a sign-in of better-auth',
  unit: 'stories',
  connections: 8,
  sides: [
    hashAlone,
    freddy('Freddy Auth', { people: PEOPLE }, told),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { people: PEOPLE }, told),
    betterAuth('better-auth, sign-in', { people: 16 }, betterAuthSignIns),
    betterAuth(
      'better-auth, sign-in, PostgreSQL',
      { people: 16, on: 'PostgreSQL' },
      betterAuthSignIns,
    ),
    ...gotrue('Supabase Auth, sign-in (bcrypt)', gotrueSignIns),
  ],
}

/** What a day is like: of a hundred pieces of work ninety are calls, eight new tokens and two passwords. */
const mixture = (call: Flow, renewal: Flow, signIn: Flow): Flow => ({
  kind: 'mixed',
  parts: [
    { share: 0.9, flow: call },
    { share: 0.08, flow: renewal },
    { share: 0.02, flow: signIn },
  ],
})
const day = ({ accessTokens, refreshTokens, people }: FreddyTold) =>
  mixture(
    calls(accessTokens),
    continuations(refreshTokens),
    logins('/v1/auth/login', 'email_or_username', people, [letIn, turnedAway]),
  )
const betterAuthDay = (told: BetterAuthTold) =>
  mixture(betterAuthCalls('JWT')(told), betterAuthTokens(told), betterAuthSignIns(told))

const mixed: Comparison = {
  name: 'mixed',
  title:
    'Mixed work: 90 % calls with a token, 8 % refreshes, 2 % logins, which may be told to come again',
  unit: 'answers',
  connections: 8,
  sides: [
    floor(
      'Fastify, and argon2id for the logins',
      'fastify',
      mixture(calls(['x'.repeat(400)]), calls(['x'.repeat(400)]), {
        ...hash,
        expected: [hashed, turnedAway],
      }),
    ),
    freddy('Freddy Auth', { sessions: WARM, people: PEOPLE }, day),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { sessions: WARM, people: PEOPLE }, day),
    betterAuth('better-auth, JWT and jose', { by: 'JWT' }, betterAuthDay),
    betterAuth(
      'better-auth, JWT and jose, PostgreSQL',
      { by: 'JWT', on: 'PostgreSQL' },
      betterAuthDay,
    ),
  ],
}

export const signInComparisons = [login, verify, story, mixed] as const
