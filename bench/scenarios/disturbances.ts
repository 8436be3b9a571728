import type { Flow } from '../frame/flows.ts'
import { installPeers } from '../frame/peers.ts'
import type { Disturbance } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { BetterAuthTold } from '../subjects/better-auth.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { PASSWORD } from './secrets.ts'
import { calls, rotations } from './sides.ts'

const RATE = 500

const logins = (path: string, field: string, people: readonly string[]): Flow => ({
  kind: 'each',
  line: { method: 'POST', path, json: { [field]: 'CREDENTIAL', password: PASSWORD } },
  credentials: people,
  expected: null,
})

const flood: Disturbance = {
  name: 'login-flood',
  title: 'Calls at 500 a second while 64 clients log in as fast as they can',
  goal: 'P9: p99 at most 1 ms more than without, p99.9 at most 10 ms',
  rate: RATE,
  disturbers: 64,
  sides: [
    {
      name: 'Freddy Auth',
      async open({ share }) {
        const wishes = { sessions: 2000, people: Math.ceil(20_000 * share) }
        const subject = await startSubject<FreddyTold>('freddy', wishes)
        const { accessTokens, people } = subject.told
        const inTheWay = logins('/v1/auth/login', 'email_or_username', people)
        return { subject, flow: calls(accessTokens), inTheWay }
      },
    },
    {
      name: 'better-auth',
      isPeer: true,
      async open() {
        await installPeers()
        const subject = await startSubject<BetterAuthTold>('better-auth', { people: 32 })
        const inTheWay = logins('/api/auth/sign-in/email', 'email', subject.told.people)
        return { subject, flow: calls(subject.told.tokens), inTheWay }
      },
    },
  ],
}

const storm: Disturbance = {
  name: 'write-storm',
  title: 'Calls at 500 a second while 32 clients renew their refresh tokens as fast as they can',
  goal: 'P10: p99 at most 2 ms more than without',
  rate: RATE,
  disturbers: 32,
  sides: [
    {
      name: 'Freddy Auth',
      async open() {
        const subject = await startSubject<FreddyTold>('freddy', { sessions: 2000 })
        const { accessTokens, refreshTokens } = subject.told
        return { subject, flow: calls(accessTokens), inTheWay: rotations(refreshTokens) }
      },
    },
    {
      name: 'Fastify, a commit each',
      async open() {
        const subject = await startSubject('statement')
        const about = { kind: 'each', credentials: [''] } as const
        const read = { method: 'GET', path: '/read' } as const
        const write = { method: 'POST', path: '/write', json: {} } as const
        return {
          subject,
          flow: { ...about, line: read, expected: { status: 200, has: '"object":"list"' } },
          inTheWay: { ...about, line: write, expected: null },
        }
      },
    },
  ],
}

export const disturbances = [flood, storm] as const
