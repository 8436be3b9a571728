import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'

export interface Interruptions {
  /** From now until it ends, signals go to this child instead. */
  passTo(child: ChildProcess): void
}

/** Makes a signal end this process by exit() and not at once, so that 'exit' listeners clean up. */
export function interruptions(): Interruptions {
  let running: ChildProcess | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!running) process.exit(128 + constants.signals[signal])
      running.kill(signal)
    })
  }
  return {
    passTo(child) {
      running = child
      child.once('exit', () => {
        running = undefined
      })
    },
  }
}
