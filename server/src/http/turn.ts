/** No answer waits longer for those that are made after it. */
const MOST_WAIT_MS = 2

/** Writes an answer; with an error, the answer that tells it. */
type Send = (cause?: Error) => void

/**
 * Answers that become ready in one turn of the event loop are written one after the other at its end. Each write wakes who
 * reads it, where they sleep; whoever is quicker than the server sleeps again before the next answer is made.
 */
export function createTurn(): (send: Send) => void {
  let due: Send[] = []
  let since = 0
  const flush = () => {
    const answers = due
    due = []
    for (const send of answers) write(send)
  }
  return (send) => {
    const now = performance.now()
    if (due.push(send) === 1) {
      since = now
      setImmediate(flush)
    } else if (now - since > MOST_WAIT_MS) flush()
  }
}

/** An answer that cannot be written is an error of its own request: those behind it still go out. */
function write(send: Send): void {
  try {
    send()
  } catch (cause) {
    send(cause instanceof Error ? cause : new Error(String(cause)))
  }
}
