import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type EndedSide, type Ending, timeEnds } from '../frame/end.ts'
import { openRoad, type Road } from '../frame/road.ts'
import type { Setting } from '../frame/scenario.ts'
import { startSubject } from '../frame/subject.ts'
import type { FreddyTold } from '../subjects/freddy.ts'

/** P15: how soon nobody is let in any more, where they sign out and elsewhere. */

const SIGN_OUTS = 200
/** Of those that wait for a second each. */
const FEW = 10
/** A server looks for changes four times a second, and believes what it knows for 0.9 s without. */
const HEARD_MS = 1200
const LEASE_SECONDS = 3

export interface EndScene {
  readonly name: string
  readonly goal: string
  readonly isOnPostgres?: true
  measure(setting: Setting): Promise<Pick<EndedSide, 'rounds' | 'letIn'>>
}

const here: EndScene = {
  name: 'On the server where they sign out',
  goal: '0',
  async measure(setting) {
    const wishes = { sessions: countOf(SIGN_OUTS, setting) }
    const { port, told, end } = await startSubject<FreddyTold>('freddy', wishes)
    try {
      return await timeEnds({ signOutAt: port, callAt: port, tokens: told.accessTokens })
    } finally {
      await end()
    }
  },
}

const elsewhere: EndScene = {
  name: 'On another server on the same PostgreSQL',
  goal: 'p99 at most 1,000',
  isOnPostgres: true,
  measure: (setting) => withTwo(setting, { count: SIGN_OUTS }, timeEnds),
}

const unheard: EndScene = {
  name: 'On another server, whose list of changes is closed to it just before the sign-out',
  goal: 'at most 1,000',
  isOnPostgres: true,
  measure: (setting) =>
    withTwo(setting, { count: FEW }, (ending, { owner, role }) =>
      timeEnds({
        ...ending,
        before: () => owner.query(`REVOKE SELECT ON changes FROM ${role}`),
        async after() {
          await owner.query(`GRANT SELECT ON changes TO ${role}`)
          await wait(HEARD_MS)
        },
      }),
    ),
}

const cut: EndScene = {
  name: `On another server, whose database is cut off just before the sign-out; its lease is ${LEASE_SECONDS} s`,
  goal: `at most ${LEASE_SECONDS},000, then closed`,
  isOnPostgres: true,
  measure: (setting) =>
    withTwo(setting, { count: 1, leaseSeconds: LEASE_SECONDS }, (ending, { road }) =>
      timeEnds({ ...ending, before: () => road.cut() }),
    ),
}

export const endScenes = [here, elsewhere, unheard, cut] as const

interface Between {
  /** From the second server to the database. */
  readonly road: Road
  readonly owner: pg.Client
  /** Of the second server, which owns nothing. */
  readonly role: string
}

/** Two servers on one database: people sign out at the first and call at the second. */
async function withTwo<Found>(
  setting: Setting,
  { count, leaseSeconds = 600 }: { count: number; leaseSeconds?: number },
  work: (ending: Ending, between: Between) => Promise<Found>,
): Promise<Found> {
  const url = await setting.postgres()
  const sessions = countOf(count, setting)
  const near = await startSubject<FreddyTold>('freddy', { databaseUrl: url, sessions })
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  const role = await makeRole(owner)
  const road = await openRoad(Object.assign(new URL(url), { username: role }).href)
  const env = { KEY_LEASE_SECONDS: `${leaseSeconds}` }
  const far = await startSubject<FreddyTold>('freddy', { databaseUrl: road.url, env })
  try {
    const tokens = near.told.accessTokens
    return await work({ signOutAt: near.port, callAt: far.port, tokens }, { road, owner, role })
  } finally {
    await far.end()
    await near.end()
    await road.cut()
    await owner.end()
  }
}

async function makeRole(owner: pg.Client): Promise<string> {
  const { rows } = await owner.query("SELECT 'deaf_' || current_database() AS role")
  const { role } = rows[0] as { role: string }
  await owner.query(`CREATE ROLE ${role} LOGIN`)
  await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
  await owner.query(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`)
  return role
}

function countOf(most: number, { share }: Setting): number {
  return Math.max(1, Math.ceil(most * share))
}
