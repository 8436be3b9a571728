import { echoCall, type Flow, type Line } from '../frame/flows.ts'
import { installPeers } from '../frame/peers.ts'
import type { Comparison, Side } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import type { OidcTold } from '../subjects/oidc-provider.ts'
import { PASSWORD } from './secrets.ts'
import {
  betterAuth,
  calls,
  floor,
  freddy,
  freddyOnPostgres,
  rotations,
  same,
  signIns,
} from './sides.ts'

/** Every comparison of the bench: what is done, by whom, and what was wished. */

const WARM = 2000
/** More than are remembered as checked: in turn, each is met as if for the first time. */
const MANY = 60_000
/** Each signs in with a challenge of its own, so there are more people than sign-ins in the time that budgets look at. */
const PEOPLE = 20_000

const fastify = floor('Fastify', 'fastify', calls(['x'.repeat(400)]))

/** The same checks without a call of a model behind them, which is booked. */
const whoCalls = ({ accessTokens: credentials }: FreddyTold): Flow => ({
  kind: 'each',
  line: {
    method: 'GET',
    path: '/v1/auth/check',
    headers: { authorization: 'Bearer CREDENTIAL' },
  },
  credentials,
  expected: { status: 200, has: '"user_id":"usr_' },
})

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
    betterAuth('better-auth, session', 64, ({ tokens }) => calls(tokens)),
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

const apiKey: Comparison = {
  name: 'api-key',
  title: 'A call with an API key: 2,000 of them',
  goal: 'P3: 0.85 of Fastify',
  unit: 'calls',
  connections: 32,
  sides: [
    fastify,
    freddy('Freddy Auth', { keys: WARM }, ({ keys }) => calls(keys, 'api-key')),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { keys: WARM }, ({ keys }) =>
      calls(keys, 'api-key'),
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

const refreshLine = {
  method: 'POST',
  path: '/v1/auth/refresh',
  json: { refresh_token: 'CREDENTIAL' },
} as const satisfies Line

const continued = (credentials: readonly string[]): Flow => ({
  kind: 'each',
  line: refreshLine,
  credentials,
  expected: { status: 200, has: '"token":"' },
})

const refresh: Comparison = {
  name: 'refresh',
  title: 'A new access token by a refresh token that stays, with its session in the database',
  goal: 'P5: 0.40 of Fastify, 8 times oidc-provider',
  unit: 'refreshes',
  connections: 32,
  sides: [
    fastify,
    freddy('Freddy Auth', { sessions: WARM }, ({ refreshTokens }) => continued(refreshTokens)),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { sessions: WARM }, ({ refreshTokens }) =>
      continued(refreshTokens),
    ),
    oidcProvider('oidc-provider, in memory', false),
  ],
}

const rotate: Comparison = {
  name: 'rotate',
  title: 'A new refresh token each time, on disk before the answer',
  goal: 'P6: 6 times one commit for each request, 7 times oidc-provider',
  unit: 'rotations',
  connections: 32,
  sides: [
    floor(
      'Fastify, a commit each',
      'statement',
      same({ method: 'POST', path: '/write', json: {} }, 200, '"refreshToken":"'),
    ),
    freddy('Freddy Auth', { sessions: WARM }, ({ refreshTokens }) => rotations(refreshTokens)),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { sessions: WARM }, ({ refreshTokens }) =>
      rotations(refreshTokens),
    ),
    oidcProvider('oidc-provider, in memory', true),
  ],
}

function oidcProvider(name: string, rotating: boolean): Side {
  const form =
    'grant_type=refresh_token&client_id=bench&client_secret=secret&refresh_token=CREDENTIAL'
  const line = { method: 'POST', path: '/token', form } as const
  const flowOf = (tokens: readonly string[]): Flow =>
    rotating
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
      const wishes = { tokens: Math.max(32, Math.ceil(300 * share)), rotate: rotating }
      const subject = await startSubject<OidcTold>('oidc-provider', wishes)
      return { subject, flow: flowOf(subject.told.tokens) }
    },
  }
}

const hashAlone = floor(
  'argon2id alone',
  'hash',
  same({ method: 'POST', path: '/v1/auth/login', json: { password: PASSWORD } }, 200, 'true'),
)

const login: Comparison = {
  name: 'login',
  title: 'A right password, and the code on its way; back to back by one client',
  goal: 'P7: 1.12 of the time of the hash',
  unit: 'logins',
  connections: 1,
  sides: [
    hashAlone,
    freddy('Freddy Auth', { people: PEOPLE }, ({ people }) => signIns(people, 'login')),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { people: PEOPLE }, ({ people }) =>
      signIns(people, 'login'),
    ),
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
    freddy('Freddy Auth', { people: PEOPLE }, ({ people }) => signIns(people, 'call')),
    freddyOnPostgres('Freddy Auth, PostgreSQL', { people: PEOPLE }, ({ people }) =>
      signIns(people, 'call'),
    ),
    betterAuth('better-auth, sign-in', 16, ({ people: [email = ''] }) =>
      same(
        { method: 'POST', path: '/api/auth/sign-in/email', json: { email, password: PASSWORD } },
        200,
        '"token":"',
      ),
    ),
  ],
}

const list: Comparison = {
  name: 'sessions',
  title: 'The list of 20 sessions of a person',
  unit: 'lists',
  connections: 32,
  sides: [
    floor(
      'Fastify, one SELECT',
      'statement',
      same({ method: 'GET', path: '/read' }, 200, '"object":"list"'),
    ),
    freddy('Freddy Auth', { sessions: 20 * WARM }, ({ accessTokens }) => ({
      kind: 'each',
      line: {
        method: 'GET',
        path: '/v1/auth/sessions',
        headers: { authorization: 'Bearer CREDENTIAL' },
      },
      credentials: accessTokens.slice(0, WARM),
      expected: { status: 200, has: '"object":"list"' },
    })),
  ],
}

const question = {
  method: 'POST',
  path: '/v1/responses',
  json: { model: 'any', input: 'Hello', stream: true },
} as const satisfies Line

const streamed = (line: Line, credentials: readonly string[]): Flow => ({
  kind: 'each',
  line,
  credentials,
  expected: { status: 200, has: 'response.completed' },
})

const stream: Comparison = {
  name: 'stream',
  title: 'The first byte of a streamed answer, by one client',
  goal: 'P13: 2 ms more than the model server itself',
  unit: 'streams',
  connections: 1,
  sides: [
    floor('the model server itself', 'model', streamed(question, [''])),
    {
      name: 'through Freddy Auth',
      async open() {
        const model = await startSubject('model')
        const env = { UPSTREAM_URL: `http://127.0.0.1:${model.port}/v1` }
        const subject = await startSubject<FreddyTold>('freddy', { keys: 64, env })
        const line = { ...question, headers: { 'api-key': 'CREDENTIAL' } }
        return { subject, flow: streamed(line, subject.told.keys), behind: [model] }
      },
    },
  ],
}

const FEW = 10_000
const MILLION = 1_000_000

/** What was there before grows; what is asked stays. */
export function growth(others: readonly number[] = [FEW, MILLION]): Comparison[] {
  const about = { goal: 'P11: 0.92 for reads, 0.88 for writes', connections: 32 } as const
  const named = (count: number) => `with ${count.toLocaleString('en')} sessions`
  return [
    {
      ...about,
      name: 'growth-reads',
      title: 'A call with a token met for the first time, as sessions grow',
      unit: 'calls',
      sides: others.map((count) =>
        freddy(named(count), { sessions: FEW, others: count }, ({ accessTokens }) =>
          calls(accessTokens),
        ),
      ),
    },
    {
      ...about,
      name: 'growth-writes',
      title: 'A new refresh token each time, as sessions grow',
      unit: 'rotations',
      sides: others.map((count) =>
        freddy(named(count), { sessions: WARM, others: count }, ({ refreshTokens }) =>
          rotations(refreshTokens),
        ),
      ),
    },
  ]
}

export const comparisons = [
  authenticated,
  firstSeen,
  apiKey,
  refused,
  refresh,
  rotate,
  login,
  story,
  list,
  stream,
] as const
