import { DatabaseUnavailable } from '../store/database.ts'
import type { Booking, LedgerStore, Reserve, Reserved, UsageRow } from '../store/ledger.ts'

const MOST_BOOKED_AT_ONCE = 200
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
  dropped: (usage: UsageRow, cause: unknown) => void,
): UsageQueue {
  let waiting: Booking[] = []
  let added = 0
  let written = 0
  let writing = Promise.resolve()

  const write = async (until: number) => {
    while (written < until) {
      const group = waiting.slice(0, MOST_BOOKED_AT_ONCE)
      await eachThatCan(group, store.book, ({ usage }, cause) => dropped(usage, cause))
      waiting = waiting.slice(group.length)
      written += group.length
    }
  }
  return {
    reserve: inGroups(store.reserve, MOST_RESERVED_AT_ONCE),
    add(booking) {
      waiting.push(booking)
      added += 1
    },
    holds: (userId) => waiting.some(({ usage }) => usage.user_id === userId),
    flush() {
      const until = added
      writing = writing.catch(() => {}).then(() => write(until))
      return writing
    },
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
