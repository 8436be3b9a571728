import { Worker } from 'node:worker_threads'

/** Hashes passwords away from the event loop and from the pool that files, names and keys share. */
export interface Hasher {
  /** An argon2id hash in PHC form. */
  hash(password: string): Promise<string>
  /** False for a wrong password, and for a stored text that is no argon2id hash of reasonable cost. */
  verify(stored: string, password: string): Promise<boolean>
  /** The same for a hash that another server made (workers/foreign-hash.ts). */
  verifyForeign(stored: string, password: string): Promise<boolean>
  /** Throws when one more would find no place in the queue now. */
  requirePlace(): void
  /** How much it has to do now. */
  load(): { readonly waiting: number; readonly working: number; readonly threads: number }
  close(): Promise<void>
}

/** No thread became free in time, or it had no memory: the caller says 503 and counts nothing. */
export class HasherBusy extends Error {
  override readonly name = 'HasherBusy'
}

export type HashTask =
  | { readonly kind: 'hash'; readonly password: string }
  | { readonly kind: 'verify' | 'foreign'; readonly stored: string; readonly password: string }

export type HashAnswer = { readonly value: string | boolean } | { readonly error: string }

interface Waiting {
  readonly task: HashTask
  readonly resolve: (value: string | boolean) => void
  readonly reject: (cause: Error) => void
  timer?: NodeJS.Timeout
}

interface Thread {
  readonly worker: Worker
  job: Waiting | null
}

/**
 * A bounded queue before threads of the lowest priority, one hash a thread (security rule 12). A flood of
 * logins then waits for itself, and everybody else does not notice.
 */
export function createHasher(options: {
  threads: number
  queue?: number
  maxWaitMs?: number
}): Hasher {
  const { threads: count, queue: most = 32, maxWaitMs = 1000 } = options
  const waiting: Waiting[] = []
  const threads: Thread[] = []
  let closing = false

  const next = () => {
    // A thread starts when there is work for it: an idle server has no more of them than it needed so far.
    const wantsMore = waiting.length > 0 && threads.every(({ job }) => job)
    if (wantsMore && threads.length < count && !closing) start()
    for (const thread of threads) {
      if (thread.job) continue
      const job = waiting.shift()
      if (!job) return
      clearTimeout(job.timer)
      thread.job = job
      thread.worker.ref()
      thread.worker.postMessage(job.task)
    }
  }
  const start = () => {
    const worker = new Worker(new URL('./hash-thread.ts', import.meta.url))
    const thread: Thread = { worker, job: null }
    threads.push(thread)
    worker.on('message', (answer: HashAnswer) => {
      const { job } = thread
      thread.job = null
      worker.unref()
      if (job) settle(job, answer)
      next()
    })
    worker.on('error', (cause) => {
      thread.job?.reject(new HasherBusy('The thread ended', { cause }))
      threads.splice(threads.indexOf(thread), 1)
      next()
    })
    worker.unref()
  }

  const requirePlace = () => {
    if (waiting.length >= most) throw new HasherBusy('Too many wait')
  }
  const run = (task: HashTask) =>
    new Promise<string | boolean>((resolve, reject) => {
      requirePlace()
      const job: Waiting = { task, resolve, reject }
      job.timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(job), 1)
        reject(new HasherBusy('Waited too long'))
      }, maxWaitMs)
      waiting.push(job)
      return next()
    })

  return {
    hash: async (password) => String(await run({ kind: 'hash', password })),
    verify: async (stored, password) => (await run({ kind: 'verify', stored, password })) === true,
    verifyForeign: async (stored, password) =>
      (await run({ kind: 'foreign', stored, password })) === true,
    requirePlace,
    load: () => ({
      waiting: waiting.length,
      working: threads.filter(({ job }) => job !== null).length,
      threads: threads.length,
    }),
    async close() {
      closing = true
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

/** argon2 and OpenSSL each have a word of their own for it. */
const noMemory = /memory allocation|malloc failure|memory limit/i

function settle(job: Waiting, answer: HashAnswer): void {
  if ('error' in answer) {
    const { error } = answer
    job.reject(noMemory.test(error) ? new HasherBusy(error) : new Error(error))
  } else job.resolve(answer.value)
}
