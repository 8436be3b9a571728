import { type Answer, openConnection } from './connection.ts'
import { type Line, spell, Wrong } from './flows.ts'

/** A session that is over, and a place where its token was known. */
export interface EndedSide {
  readonly name: string
  readonly goal: string
  /** Milliseconds of each sign-out: from its answer to the last call that was still let in. */
  readonly rounds: readonly number[]
  /** Calls that were let in after it, of all sign-outs together. */
  readonly letIn: number
}

export interface Ending {
  /** Ports: where people sign out, and where they call. */
  readonly signOutAt: number
  readonly callAt: number
  readonly tokens: readonly string[]
  /** Between a call that knows somebody and the sign-out. */
  before?(): Promise<unknown>
  /** Before the next. */
  after?(): Promise<unknown>
}

const PATIENCE_MS = 30_000
/** Whoever is refused stays so. */
const STAYS = 5

const authorized = { authorization: 'Bearer CREDENTIAL' }
const check: Line = { method: 'GET', path: '/v1/auth/check', headers: authorized }
const signOut: Line = { method: 'POST', path: '/v1/auth/logout', headers: authorized, json: {} }

/** One token after the other: known where it calls, signed out, and asked with until nobody lets it in. */
export async function timeEnds(ending: Ending): Promise<Pick<EndedSide, 'rounds' | 'letIn'>> {
  const door = openConnection(ending.signOutAt)
  const place = openConnection(ending.callAt)
  const rounds: number[] = []
  let letIn = 0
  try {
    for (const token of ending.tokens) {
      const call = () => place.answerTo(spell(check, token))
      requireOne(await call(), 200)
      await ending.before?.()
      requireOne(await door.answerTo(spell(signOut, token)), 200)
      const found = await untilRefused(call)
      for (let again = 0; again < STAYS; again++) requireOne(await call(), 401, 503)
      rounds.push(found.milliseconds)
      letIn += found.letIn
      await ending.after?.()
    }
    return { rounds, letIn }
  } finally {
    door.close()
    place.close()
  }
}

/** Asks again as soon as it was answered. A call counts from when it was asked. */
async function untilRefused(call: () => Promise<Answer>) {
  const since = performance.now()
  let milliseconds = 0
  for (let letIn = 0; ; letIn++) {
    const asked = performance.now() - since
    const { status } = requireOne(await call(), 200, 401, 503)
    if (status !== 200) return { milliseconds, letIn }
    milliseconds = asked
    if (asked > PATIENCE_MS) throw new Wrong(`still let in ${PATIENCE_MS} ms after a sign-out`)
  }
}

function requireOne(answer: Answer, ...right: readonly number[]): Answer {
  if (right.includes(answer.status)) return answer
  throw new Wrong(`${answer.status} instead of ${right.join(' or ')}: ${answer.text}`)
}
