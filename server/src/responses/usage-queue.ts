import { timedId } from '../auth/random.ts'
import type { Clock } from '../context.ts'
import type { Booking, BookingGroup } from '../store/bookings.ts'
import { DatabaseUnavailable } from '../store/database.ts'
import type { LedgerStore, Reserve, Reserved, UsageRow } from '../store/ledger.ts'

/** Some ten milliseconds of the database: other writes get their turn between two groups. */
const MOST_BOOKED_AT_ONCE = 1000
const MOST_RESERVED_AT_ONCE = 50

/** What this process writes into the ledger: what comes while others are written goes together, in one transaction. */
export interface UsageQueue {
  /** Holds room for a call, see the store. */
  reserve(reserve: Reserve): Promise<Reserved>
  /** A call on its way to the bill, behind its answer. */
  add(booking: Booking): void
  /** Whether a call of this person waits to be written. */
  holds(userId: string): boolean
  /** Resolves when all that was added before is durable. What a silent database could not take stays. */
  flush(): Promise<void>
}

/** An entry that the database does not take, ever, is told to `dropped`: it must not keep the others from the bill. */
export function createUsageQueue(
  store: Pick<LedgerStore, 'book' | 'reserve'>,
  now: Clock,
  dropped: (usage: UsageRow, cause: unknown) => void,
): UsageQueue {
  let waiting = new Map<string, Booking[]>()
  let groups: readonly BookingGroup[] = []
  let writing = Promise.resolve()

  const write = async () => {
    groups = [...groups, ...inGroupsOf(MOST_BOOKED_AT_ONCE, byPerson(waiting), now())]
    waiting = new Map()
    // A group whose outcome nobody knows stays as it is, first in the line: it is written already, or not at all.
    for (let [group] = groups; group; [group] = groups) {
      const left = await bookAllOrHalf(store, group, now(), dropped)
      groups = [...left, ...groups.slice(1)]
    }
  }
  return {
    reserve: inGroups(store.reserve, MOST_RESERVED_AT_ONCE),
    add(booking) {
      const { user_id } = booking.usage
      const mine = waiting.get(user_id)
      if (mine) mine.push(booking)
      else waiting.set(user_id, [booking])
    },
    holds: (userId) =>
      waiting.has(userId) ||
      groups.some(({ bookings }) => bookings.some(({ usage }) => usage.user_id === userId)),
    flush() {
      writing = writing.catch(() => {}).then(write)
      return writing
    },
  }
}

/** Calls of a person stand side by side in the ledger's index, and share their counters. */
const byPerson = (waiting: ReadonlyMap<string, readonly Booking[]>): Booking[] =>
  [...waiting.keys()].sort().flatMap((person) => waiting.get(person) ?? [])

function inGroupsOf(most: number, bookings: readonly Booking[], now: number): BookingGroup[] {
  const groups: BookingGroup[] = []
  for (let first = 0; first < bookings.length; first += most) {
    const some = bookings.slice(first, first + most)
    groups.push({ id: timedId('grp_', now), formedAt: now, bookings: some })
  }
  return groups
}

/** What is left of a group that the database does not take: its halves, until what fails is alone and dropped. */
async function bookAllOrHalf(
  store: Pick<LedgerStore, 'book'>,
  group: BookingGroup,
  now: number,
  dropped: (usage: UsageRow, cause: unknown) => void,
): Promise<BookingGroup[]> {
  const { bookings } = group
  try {
    await store.book(group)
    return []
  } catch (cause) {
    if (cause instanceof DatabaseUnavailable) throw cause
    if (bookings.length > 1) return inGroupsOf(Math.ceil(bookings.length / 2), bookings, now)
    for (const { usage } of bookings) dropped(usage, cause)
    return []
  }
}

/** One group at a time; a job that fails fails for itself alone, and a silent database for the whole group. */
function inGroups<Job, Done>(
  work: (jobs: readonly Job[]) => Promise<readonly Done[]>,
  most: number,
): (job: Job) => Promise<Done> {
  interface Waiting {
    readonly job: Job
    readonly resolve: (done: Done) => void
    readonly reject: (cause: unknown) => void
  }
  const waiting: Waiting[] = []
  let isWorking = false

  const workOn = async (group: readonly Waiting[]) => {
    const done = await work(group.map(({ job }) => job))
    for (const [index, each] of done.entries()) group[index]?.resolve(each)
  }
  const workOff = async () => {
    isWorking = true
    while (waiting.length > 0) {
      const group = waiting.splice(0, most)
      try {
        await eachThatCan(group, workOn, ({ reject }, cause) => reject(cause))
      } catch (cause) {
        for (const { reject } of group) reject(cause)
      }
    }
    isWorking = false
  }
  return (job) =>
    new Promise((resolve, reject) => {
      waiting.push({ job, resolve, reject })
      if (!isWorking) void workOff()
    })
}

/** All at once; when that fails though the database is there, by halves, until what fails is alone and given up. */
async function eachThatCan<Job>(
  jobs: readonly Job[],
  work: (jobs: readonly Job[]) => Promise<unknown>,
  giveUp: (job: Job, cause: unknown) => void,
): Promise<void> {
  try {
    await work(jobs)
  } catch (cause) {
    if (cause instanceof DatabaseUnavailable) throw cause
    const [first, ...others] = jobs
    if (first && others.length === 0) return giveUp(first, cause)
    const half = Math.ceil(jobs.length / 2)
    await eachThatCan(jobs.slice(0, half), work, giveUp)
    await eachThatCan(jobs.slice(half), work, giveUp)
  }
}
