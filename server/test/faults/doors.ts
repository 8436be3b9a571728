import { ask, type Deed, type History, outcome } from './history.ts'

/** Less than the grace of a replaced token. */
const GRACE_MS = 9000
const AT_ONCE = 8

/** A server that came back, and what was done before it went. */
export interface Doors {
  readonly base: string
  readonly history: History
  readonly deeds: readonly Deed[]
}

/**
 * Tries every credential that was given out: what was answered opens, what was ended does not, a code works once, and
 * an answer that got lost is asked for again. A code that is tried is written down like all else: it may start a session.
 */
export async function tryDoors(doors: Doors): Promise<string[]> {
  const { deeds } = doors
  const verified = deeds.filter((deed) => deed.act === 'verify' && outcome(deed) !== 'refused')
  const begun = verified.filter((deed) => outcome(deed) === 'done')
  const made = deeds.filter((deed) => deed.act === 'make key' && outcome(deed) === 'done')
  return [
    ...(await each(verified, (deed) => tryCode(doors, deed))),
    ...(await each(begun, (deed) => trySession(doors, deed))),
    ...(await each(made, (deed) => tryKey(doors, deed))),
  ]
}

async function each(
  deeds: readonly Deed[],
  look: (deed: Deed) => Promise<string | null>,
): Promise<string[]> {
  const faults: (string | null)[] = []
  for (let at = 0; at < deeds.length; at += AT_ONCE) {
    faults.push(...(await Promise.all(deeds.slice(at, at + AT_ONCE).map(look))))
  }
  return faults.filter((fault) => fault !== null)
}

/** Whoever got no answer may try again; whoever got one is refused. */
async function tryCode({ base, history }: Doors, deed: Deed): Promise<string | null> {
  const { person, of, asked } = deed
  const answer = await history.send(base, 'verify', { person, of }, asked)
  const fits = outcome(deed) === 'done' ? [401] : [200, 401]
  return fits.includes(answer?.status ?? 0) ? null : `a code of ${person}: ${answer?.status}`
}

async function trySession(doors: Doors, begun: Deed): Promise<string | null> {
  const { deeds, base } = doors
  const id = String(begun.answer?.body.device_id)
  const own = deeds.filter((deed) => deed.of === id)
  const rotated = own.filter(({ act }) => act === 'rotate')
  const last = rotated.findLast((deed) => outcome(deed) === 'done') ?? begun
  const refresh_token = String(last.answer?.body.refreshToken)
  const end = endOf(doors, begun, id)
  const lost = rotated.find((deed) => outcome(deed) === 'unknown')
  if (end === 'unknown') return null
  if (lost && end === null) return tryRotation(base, id, lost)
  const asked = { line: 'POST /v1/auth/refresh', body: { refresh_token } }
  const answer = await ask(base, asked)
  const expected = end === 'done' ? 401 : 200
  if (answer?.status === expected) return null
  return `session ${id} of ${begun.person} answers ${answer?.status} and not ${expected}`
}

/** The token whose successor got lost leads to one successor, for as long as its grace lasts. */
async function tryRotation(base: string, of: string, lost: Deed): Promise<string | null> {
  const answers = [await ask(base, lost.asked), await ask(base, lost.asked)]
  if (Date.now() - lost.at > GRACE_MS) return null
  const tokens = new Set(answers.map((answer) => answer?.body.refreshToken))
  const isOne = tokens.size === 1 && answers.every((answer) => answer?.status === 200)
  return isOne ? null : `the lost successor of ${of}: ${answers.map((answer) => answer?.status)}`
}

async function tryKey({ base, deeds }: Doors, made: Deed): Promise<string | null> {
  const { id, key } = made.answer?.body ?? {}
  const revoked = deeds.find((deed) => deed.act === 'revoke key' && deed.of === id)
  if (revoked && outcome(revoked) === 'unknown') return null
  const asked = { line: 'GET /v1/models', headers: { 'api-key': String(key) } }
  const answer = await ask(base, asked)
  const expected = revoked ? 401 : 200
  return answer?.status === expected ? null : `key ${id}: ${answer?.status} and not ${expected}`
}

/** Whether something ended this session: by its owner's hand, or with a password that was changed elsewhere. */
function endOf({ deeds }: Doors, begun: Deed, id: string): 'done' | 'unknown' | null {
  const later = deeds.slice(deeds.indexOf(begun))
  const ends = later.filter(
    ({ act, of, person }) =>
      (act === 'sign out' && of === id) ||
      (act === 'change password' && person === begun.person && of !== id),
  )
  const outcomes = ends.map(outcome)
  if (outcomes.includes('done')) return 'done'
  return outcomes.includes('unknown') ? 'unknown' : null
}
