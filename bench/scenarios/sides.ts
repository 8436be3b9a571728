import { echoCall, type Flow, type Line, type RotateFlow, type SignInFlow } from '../frame/flows.ts'
import { installPeers } from '../frame/peers.ts'
import type { Setting, Side } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { BetterAuthTold } from '../subjects/better-auth.ts'
import type { FreddyTold, FreddyWishes } from '../subjects/freddy.ts'
import { PASSWORD, SECRET } from './secrets.ts'

/** Who is measured, and how each is asked. */

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

export const signIns = (people: readonly string[], stop: SignInFlow['stop']): SignInFlow => ({
  kind: 'sign-in',
  stop,
  people,
  password: PASSWORD,
  secret: SECRET,
})

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

export function betterAuth(
  name: string,
  people: number,
  flowOf: (told: BetterAuthTold) => Flow,
): Side {
  return {
    name,
    isPeer: true,
    async open({ share }) {
      await installPeers()
      const wishes = { people: Math.ceil(people * share) }
      const subject = await startSubject<BetterAuthTold>('better-auth', wishes)
      return { subject, flow: flowOf(subject.told) }
    },
  }
}

/** Less of everything where only the working of it is tried; enough for each connection to have its own. */
function scaled(wishes: FreddyWishes, { share }: Setting): FreddyWishes {
  const less = (name: 'people' | 'sessions' | 'keys' | 'others') => {
    const count = wishes[name]
    return count ? { [name]: Math.max(64, Math.ceil(count * share)) } : {}
  }
  return { ...wishes, ...less('people'), ...less('sessions'), ...less('keys'), ...less('others') }
}
