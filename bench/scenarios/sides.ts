import {
  type Expected,
  echoCall,
  type Flow,
  type Line,
  type RotateFlow,
  type SignInFlow,
} from '../frame/flows.ts'
import type { Setting, Side } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold, FreddyWishes } from '../subjects/freddy.ts'
import { PASSWORD, SECRET } from './secrets.ts'

/** Who is measured, and how each is asked. */

export const WARM = 2000
/** More than are remembered as checked: in turn, each is met as if for the first time. */
export const MANY = 60_000
/** Each signs in with a challenge of its own, so there are more people than sign-ins in the time that budgets look at. */
export const PEOPLE = 20_000

const answered = { status: 200, has: '"output_text":"Hello world"' }

/** Calls of the built-in model with one credential after the other. */
export function calls(credentials: readonly string[], header = 'authorization'): Flow {
  const value = header === 'authorization' ? 'Bearer CREDENTIAL' : 'CREDENTIAL'
  return { kind: 'each', line: echoCall(value, header), credentials, expected: answered }
}

/** One request that needs no credential, or always the same. */
export function same(line: Line, status: number, has: string): Flow {
  return { kind: 'each', line, credentials: [''], expected: { status, has } }
}

export function rotations(tokens: readonly string[]): RotateFlow {
  const json = { refresh_token: 'CREDENTIAL', rotate: true }
  const line = { method: 'POST', path: '/v1/auth/refresh', json } as const
  return { kind: 'rotate', line, tokens, field: 'refreshToken' }
}

/** The same checks without a call of a model behind them, which is booked. */
export const whoCalls = ({
  accessTokens: credentials,
}: Pick<FreddyTold, 'accessTokens'>): Flow => ({
  kind: 'each',
  line: {
    method: 'GET',
    path: '/v1/auth/check',
    headers: { authorization: 'Bearer CREDENTIAL' },
  },
  credentials,
  expected: { status: 200, has: '"user_id":"usr_' },
})

/** A new access token, by a refresh token that stays. */
export function continuations(credentials: readonly string[]): Flow {
  const json = { refresh_token: 'CREDENTIAL' }
  const line = { method: 'POST', path: '/v1/auth/refresh', json } as const
  return { kind: 'each', line, credentials, expected: { status: 200, has: '"token":"' } }
}

export const signIns = (people: readonly string[], stop: SignInFlow['stop']): SignInFlow => ({
  kind: 'sign-in',
  stop,
  people,
  password: PASSWORD,
  secret: SECRET,
})

export const logins = (
  path: string,
  field: string,
  people: readonly string[],
  expected: readonly Expected[],
): Flow => ({
  kind: 'each',
  line: {
    method: 'POST',
    path,
    // From all over: one source has twenty wrong passwords, and those that are not decided yet count.
    headers: { 'x-forwarded-for': 'SOURCE' },
    json: { [field]: 'CREDENTIAL', password: PASSWORD },
  },
  credentials: people,
  expected,
})

/** A login that is let in, or is told to come again: more than the threads can hash is refused. */
export const letIn = { status: 200, has: '"email_key":"uuid-' }
export const turnedAway = { status: 503, has: 'retry-after: ', turnsAway: true } as const

type Wished = FreddyWishes | ((setting: Setting) => FreddyWishes)

/** Our server on SQLite, with what the scenario finds in it. */
export function freddy(name: string, wished: Wished, flowOf: (told: FreddyTold) => Flow): Side {
  return {
    name,
    async open(setting) {
      const wishes = scaled(typeof wished === 'function' ? wished(setting) : wished, setting)
      const subject = await startSubject<FreddyTold>('freddy', wishes)
      return { subject, flow: flowOf(subject.told) }
    },
  }
}

/** The same on PostgreSQL. */
export function freddyOnPostgres(
  name: string,
  wished: FreddyWishes,
  flowOf: (told: FreddyTold) => Flow,
): Side {
  return {
    name,
    isOnPostgres: true,
    async open(setting) {
      const wishes = { ...scaled(wished, setting), databaseUrl: await setting.postgres() }
      const subject = await startSubject<FreddyTold>('freddy', wishes)
      return { subject, flow: flowOf(subject.told) }
    },
  }
}

/** A server that does one thing and no more. */
export function floor(name: string, subject: string, flow: Flow): Side {
  return { name, open: async () => ({ subject: await startSubject(subject), flow }) }
}

export const fastify = floor('Fastify', 'fastify', calls(['x'.repeat(400)]))

/** Less of everything where only the working of it is tried; enough for each connection to have its own. */
function scaled(wishes: FreddyWishes, { share }: Setting): FreddyWishes {
  const less = (name: 'people' | 'sessions' | 'keys' | 'others') => {
    const count = wishes[name]
    return count ? { [name]: Math.max(64, Math.ceil(count * share)) } : {}
  }
  return { ...wishes, ...less('people'), ...less('sessions'), ...less('keys'), ...less('others') }
}
