import { Worker } from 'node:worker_threads'
import { type Bulk, DatabaseUnavailable, type Row, type Statement } from '../store/database.ts'

/** One job of a group: a statement of its own, or several that belong together. */
export type Job = readonly (Statement | Bulk)[]

/** What became of a job: its rows, or why it failed alone. */
export type Outcome = { readonly rows: Row[][] } | { readonly error: string }

/** What the thread answers for a group; `failed` when nothing of it was kept. */
export interface GroupAnswer {
  readonly outcomes?: readonly Outcome[]
  readonly failed?: string
  /** Set when another process held the file for as long as we wait. */
  readonly held?: true
}

export interface WriterOptions {
  readonly path: string
  readonly busyTimeoutMs: number
}

export interface Writer {
  /** Rows of each statement, once they are on disk. */
  run(job: Job): Promise<Row[][]>
  close(): Promise<void>
}

const MOST_WAITING = 10_000
/** A group no larger than this: whoever comes next need not wait for all that came before. */
const MOST_AT_ONCE = 512
/** So many do not wait for what else is written in their turn. */
const WORTH_A_GROUP = 8

interface Waiting {
  readonly job: Job
  readonly resolve: (rows: Row[][]) => void
  readonly reject: (cause: Error) => void
}

/**
 * All writes of a SQLite database go through one thread. Whatever waits when the thread becomes free goes as one
 * transaction with one fsync; nobody is answered before it, order is kept, and a statement that fails fails its
 * own caller only.
 */
export async function startWriter(options: WriterOptions): Promise<Writer> {
  const thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: options })
  await opened(thread)
  const waiting: Waiting[] = []
  let underWay: Waiting[] = []
  let gone: Error | null = null
  let drained = () => {}
  let isDue = false

  /**
   * Whatever is written in one turn of the loop goes together: each message wakes the thread, and each group syncs. Of a
   * long turn the thread begins with what there is.
   */
  const soon = () => {
    if (underWay.length) return
    if (waiting.length >= WORTH_A_GROUP) return next()
    if (isDue) return
    isDue = true
    setImmediate(next)
  }
  const next = () => {
    isDue = false
    if (underWay.length || gone) return
    underWay = waiting.splice(0, MOST_AT_ONCE)
    if (underWay.length === 0) {
      thread.unref()
      return drained()
    }
    // Who waits for a write keeps the process alive; an idle writer does not.
    thread.ref()
    thread.postMessage(underWay.map(({ job }) => job))
  }
  const give = (answer: GroupAnswer) => {
    const group = underWay
    underWay = []
    // Who came meanwhile waited for the same: nobody waits for it twice.
    if (answer.held) group.push(...waiting.splice(0))
    for (const [index, waiter] of group.entries()) settle(waiter, answer, index)
    soon()
  }
  const giveUp = (cause: Error) => {
    gone = cause
    for (const waiter of [...underWay, ...waiting.splice(0)]) {
      waiter.reject(new DatabaseUnavailable('The writer ended', { cause }))
    }
    underWay = []
    drained()
  }
  thread.on('message', give)
  thread.on('error', giveUp)
  thread.on('exit', () => giveUp(new Error('the thread ended')))
  thread.unref()

  return {
    run(job) {
      if (gone) return Promise.reject(new DatabaseUnavailable('The writer ended', { cause: gone }))
      if (waiting.length >= MOST_WAITING) {
        return Promise.reject(new DatabaseUnavailable('Too many writes wait'))
      }
      return new Promise((resolve, reject) => {
        waiting.push({ job, resolve, reject })
        soon()
      })
    },
    async close() {
      if (gone) return
      if (isDue || underWay.length) await new Promise<void>((resolve) => (drained = resolve))
      const ended = new Promise((resolve) => thread.once('exit', resolve))
      thread.ref()
      thread.postMessage('close')
      await ended
    },
  }
}

function settle(
  { resolve, reject }: Waiting,
  { outcomes, failed }: GroupAnswer,
  index: number,
): void {
  const outcome = outcomes?.[index]
  if (!outcome) reject(new DatabaseUnavailable(failed ?? 'The database did not keep the group'))
  else if ('error' in outcome) reject(new Error(outcome.error))
  else resolve(outcome.rows)
}

/** The thread's first word: that its database is open, or why not. */
function opened(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.once('message', (word: { ready?: true; failed?: string; code?: string }) => {
      if (word.ready) return resolve()
      return reject(Object.assign(new Error(word.failed), { code: word.code }))
    })
    thread.once('error', reject)
  })
}
