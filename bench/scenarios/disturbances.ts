import { availableParallelism } from 'node:os'
import type { Disturbance, DisturbedSubject } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { betterAuthCalls, startBetterAuth } from './peers.ts'
import { calls, letIn, logins, rotations, same, turnedAway, WARM } from './sides.ts'

const RATE = 1000
const PEOPLE = 20_000

const flooded: DisturbedSubject = {
  name: 'Freddy Auth',
  async open({ share }) {
    const env = { TRUSTED_PROXIES: '127.0.0.1/32' }
    const wishes = { sessions: WARM, people: Math.ceil(PEOPLE * share), env }
    const subject = await startSubject<FreddyTold>('freddy', wishes)
    const { accessTokens, people } = subject.told
    const inTheWay = logins('/v1/auth/login', 'email_or_username', people, [letIn, turnedAway])
    return { subject, flow: calls(accessTokens), inTheWay }
  },
}

const floodedPeer: DisturbedSubject = {
  name: 'better-auth',
  isPeer: true,
  async open() {
    const subject = await startBetterAuth({ people: 32, by: 'session' })
    const right = [{ status: 200, has: '"token":"' }]
    const inTheWay = logins('/api/auth/sign-in/email', 'email', subject.told.people, right)
    return { subject, flow: betterAuthCalls('session')(subject.told), inTheWay }
  },
}

const flood: Disturbance = {
  name: 'login-flood',
  title: 'Calls while 64 clients log in as fast as they can',
  goal: 'P9: p99 at most 1 ms more than without, p99.9 at most 10 ms; 0.75 of the calls a second; 19 MiB for each thread that hashes and 40 MB more',
  rate: RATE,
  disturbers: 64,
  mayHoldMore: 19 * 2 ** 20 * availableParallelism() + 40e6,
  sides: [flooded, floodedPeer],
}

const storm: Disturbance = {
  name: 'write-storm',
  title: 'Calls while 32 clients renew their refresh tokens as fast as they can',
  goal: 'P10: p99 at most 2 ms more than without',
  rate: RATE,
  disturbers: 32,
  sides: [
    {
      name: 'Freddy Auth',
      async open() {
        const subject = await startSubject<FreddyTold>('freddy', { sessions: WARM })
        const { accessTokens, refreshTokens } = subject.told
        return { subject, flow: calls(accessTokens), inTheWay: rotations(refreshTokens) }
      },
    },
    {
      name: 'Fastify, a commit each',
      async open() {
        const subject = await startSubject('statement')
        const read = same({ method: 'GET', path: '/read' }, 200, '"object":"list"')
        const write = { method: 'POST', path: '/write', json: {} } as const
        return { subject, flow: read, inTheWay: same(write, 200, '"refreshToken":"') }
      },
    },
  ],
}

export const disturbances = [flood, storm] as const
