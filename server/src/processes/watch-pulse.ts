import type { Line } from './line.ts'

/** How often a process is asked whether its loop turns, and how often in a row it may have said nothing. */
const ASK_EVERY_MS = 5000
const MOST_SILENT = 3

/**
 * A process that stands still (stopped, or in a loop without an end) keeps its callers waiting and is not seen from outside: a look at `/livez` meets
 * another one. Calls `onSilent` once. When this process stood still itself, the other has a whole round to answer in.
 */
export function watchPulse(line: Line, onSilent: () => void, everyMs = ASK_EVERY_MS): () => void {
  let isAsked = false
  let silent = 0
  const timer = setInterval(() => {
    silent = isAsked ? silent + 1 : 0
    if (silent === MOST_SILENT) {
      clearInterval(timer)
      return onSilent()
    }
    if (isAsked) return
    isAsked = true
    void line.ask('pulse', null).then(() => {
      isAsked = false
    })
  }, everyMs).unref()
  return () => clearInterval(timer)
}
