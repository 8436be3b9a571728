import type { Booking, LedgerStore, Reserve, Reserved } from '../store/ledger.ts'

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
  /** Resolves when all that was added before is durable. What could not be written stays. */
  flush(): Promise<void>
}

export function createUsageQueue(store: Pick<LedgerStore, 'book' | 'reserve'>): UsageQueue {
  let waiting: Booking[] = []
  let writing = Promise.resolve()

  const write = async () => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, MOST_BOOKED_AT_ONCE)
      await store.book(group)
      waiting = waiting.slice(group.length)
    }
  }
  return {
    reserve: inGroups(store.reserve, MOST_RESERVED_AT_ONCE),
    add: (booking) => void waiting.push(booking),
    holds: (userId) => waiting.some(({ usage }) => usage.user_id === userId),
    flush() {
      writing = writing.catch(() => {}).then(write)
      return writing
    },
  }
}

/** One group at a time; a group that fails fails for each of its jobs, and for no other. */
function inGroups<Job, Done>(
  work: (jobs: readonly Job[]) => Promise<readonly Done[]>,
  most: number,
): (job: Job) => Promise<Done> {
  const waiting: { job: Job; resolve: (done: Done) => void; reject: (cause: unknown) => void }[] =
    []
  let isWorking = false

  const workOff = async () => {
    isWorking = true
    while (waiting.length > 0) {
      const group = waiting.splice(0, most)
      try {
        const done = await work(group.map(({ job }) => job))
        for (const [index, each] of done.entries()) group[index]?.resolve(each)
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
