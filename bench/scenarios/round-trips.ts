import { openRoad } from '../frame/road.ts'
import type { Setting } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import { countTrips, type Journey, type TripSide } from '../frame/trips.ts'
import type { FreddyTold } from '../subjects/freddy.ts'
import { calls, rotations, signIns, whoCalls } from './sides.ts'

const TIMES = 30
const HOLD_MS = 10

/** P12: how often an answer of our server waits for PostgreSQL. */
export async function countRoundTrips(setting: Setting): Promise<TripSide[]> {
  const times = Math.max(3, Math.ceil(TIMES * setting.share))
  const road = await openRoad(await setting.postgres())
  const wishes = { databaseUrl: road.url, people: times + 1, sessions: 4, keys: 1 }
  const subject = await startSubject<FreddyTold>('freddy', wishes)
  road.hold(HOLD_MS)
  try {
    return await countTrips(subject.port, road, journeysOf(subject.told), times)
  } finally {
    await subject.end()
    await road.cut()
  }
}

function journeysOf(told: FreddyTold): Journey[] {
  const { people, refreshTokens, keys } = told
  const accessTokens = told.accessTokens.slice(0, 1)
  return [
    {
      flow: signIns(people, 'call'),
      steps: [
        { name: 'login', goal: 'at most 2' },
        { name: 'verify', goal: 'at most 2' },
        { name: 'refresh, the token stays', goal: '1' },
        { name: 'a call of a model, token and session met for the first time' },
      ],
    },
    { flow: rotations(refreshTokens), steps: [{ name: 'refresh, a new token', goal: '1' }] },
    {
      flow: calls(accessTokens),
      steps: [{ name: 'a call of a model with a token that is known', goal: 'none' }],
    },
    {
      flow: whoCalls({ accessTokens }),
      steps: [{ name: 'who calls, with a token that is known', goal: 'none' }],
    },
    {
      flow: calls(keys, 'api-key'),
      steps: [{ name: 'a call of a model with an API key that is known', goal: 'none' }],
    },
  ]
}
