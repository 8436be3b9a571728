import { allowed } from '../auth/audit.ts'
import { sealForeignHash } from '../auth/foreign-password.ts'
import { randomId } from '../auth/random.ts'
import type { Acting } from '../auth/roster.ts'
import type { Arrival } from '../store/arrivals.ts'
import { isSafeName } from '../wire/text.ts'
import {
  type Candidate,
  createJudge,
  isLeftOut,
  type Judged,
  type LeftOut,
  type Wishes,
} from './judge.ts'
import type { Import } from './open-import.ts'
import { countArrival, newTally, type Tally } from './tally.ts'

/** Accounts that are made in one transaction. */
const AT_ONCE = 200

/**
 * Reads an export and makes an account of each row that fits, which overwrites nobody's. `tell` hears of every other
 * row. The memory it takes does not grow with the file, but for a few bytes of each address.
 */
export async function importUsers(
  acting: Acting,
  from: Import,
  wishes: Wishes,
  tell: (left: LeftOut) => void,
): Promise<Tally> {
  const tally = newTally()
  const judge = createJudge(from, wishes)
  let waiting: Judged[] = []
  const settle = async () => {
    const judged = await findTaken(acting, waiting)
    waiting = []
    for (const each of wishes.isRehearsal ? judged : await admit(acting, from, judged)) {
      if (isLeftOut(each)) {
        tally[each.isHere ? 'here' : 'left'] += 1
        tell(each)
      } else countArrival(tally, each)
    }
  }
  for await (const row of from.file.rows()) {
    if (from.format === 'better-auth' && row.list.startsWith('account')) continue
    tally.rows += 1
    waiting.push(judge(row))
    if (waiting.length === AT_ONCE) await settle()
  }
  await settle()
  return tally
}

/** The same rows, those left out whose address or user name somebody has. */
async function findTaken({ app }: Acting, judged: readonly Judged[]): Promise<Judged[]> {
  const candidates = judged.flatMap((each) => (isLeftOut(each) ? [] : [each]))
  const taken = await app.store.arrivals.findTaken(
    candidates.map(({ address }) => address),
    candidates.flatMap(({ userName }) => userName ?? []),
  )
  return judged.map((each) => {
    if (isLeftOut(each)) return each
    const { line, address, userName } = each
    if (taken.addresses.has(address)) {
      return { line, address, reason: 'has an account already', isHere: true }
    }
    if (userName === null || !taken.userNames.has(userName)) return each
    return { line, address, reason: `the user name ${userName} is taken`, isHere: false }
  })
}

/** Makes the accounts; the same rows, those left out that somebody was faster than. */
async function admit(
  acting: Acting,
  { format }: Import,
  judged: readonly Judged[],
): Promise<Judged[]> {
  const arrivals = new Map<Judged, Arrival>()
  for (const each of judged) {
    if (!isLeftOut(each)) arrivals.set(each, arrivalOf(acting, each, format))
  }
  const admitted = await acting.app.store.arrivals.admit([...arrivals.values()])
  return judged.map((each) => {
    const arrival = arrivals.get(each)
    if (!arrival || admitted.has(arrival.user.id)) return each
    const reason = 'somebody took its address or user name just now'
    return { line: each.line, address: each.address, reason, isHere: false }
  })
}

function arrivalOf(acting: Acting, candidate: Candidate, format: string): Arrival {
  const { app, now, actor } = acting
  const { newcomer, address, userName, hash } = candidate
  const createdAt = newcomer.createdAt ?? now
  const user = {
    id: randomId('usr_'),
    address,
    user_name: userName,
    full_name: newcomer.fullName && isSafeName(newcomer.fullName) ? newcomer.fullName : null,
    password_hash: hash === null ? null : sealForeignHash(app, hash),
    created_at: createdAt > 0 && createdAt < now ? createdAt : now,
    updated_at: now,
    last_login_at: null,
    disabled_at: newcomer.isDisabled ? now : null,
  }
  const facts = { email: address, imported: true }
  const about = { reason: format, userId: user.id, subjectId: user.id, actor, facts }
  return { user, event: allowed(acting, 'user.imported', about) }
}
