import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'
import { hashCost } from './hash-cost.ts'
import type { HashAnswer, HashTask } from './hasher.ts'
import { verifyForeign } from './verify-foreign.ts'

const MOST_KIB = 262_144
const MOST_PASSES = 20
const MOST_LANES = 16

try {
  // On Linux this is the priority of the calling thread alone.
  setPriority(0, 19)
} catch {}

parentPort?.on('message', (task: HashTask) => {
  parentPort?.postMessage(answerTo(task))
})

function answerTo(task: HashTask): HashAnswer {
  try {
    if (task.kind === 'hash') return { value: hashSync(task.password, hashCost) }
    if (task.kind === 'foreign') return { value: verifyForeign(task.stored, task.password) }
    return { value: isReasonable(task.stored) && verifySync(task.stored, task.password) }
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : 'the hash failed' }
  }
}

/** A stored hash says what it costs: one that asks for too much is refused, not run. */
function isReasonable(stored: string): boolean {
  const [, memory, passes, lanes] =
    /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.exec(
      stored,
    ) ?? []
  return Number(memory) <= MOST_KIB && Number(passes) <= MOST_PASSES && Number(lanes) <= MOST_LANES
}
