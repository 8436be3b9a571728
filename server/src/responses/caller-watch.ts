import { requireStillAllowed } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'

/** Who was shut out loses what still runs within five seconds (security case 86): looked at every two. */
const LOOK_EVERY_MS = 2000

export interface CallerWatch {
  /** Aborted when the caller went, may call no longer, or the server ends; then its reason says why. */
  readonly signal: AbortSignal
  end(): void
}

/** Keeps an eye on who waits for a long answer. */
export function watchCaller(
  call: Pick<Call<unknown, unknown, unknown>, 'app' | 'origin' | 'principal' | 'carried'>,
): CallerWatch {
  const cut = new AbortController()
  const look = async () => {
    try {
      await requireStillAllowed(call, call.app.now())
    } catch (cause) {
      // A database that is away says nothing about the caller.
      if (cause instanceof ApiError) cut.abort(cause)
    }
  }
  const { signal: closing } = call.app.closing
  const hurry = () => cut.abort(new ApiError('SERVICE_UNAVAILABLE'))
  closing.addEventListener('abort', hurry)
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  const left = call.carried.left()
  // Not AbortSignal.any: Node keeps a signal of several, and who listens to it, long after both are gone.
  const leave = () => cut.abort(left.reason)
  if (left.aborted) leave()
  left.addEventListener('abort', leave, { once: true })
  const end = () => {
    clearInterval(timer)
    closing.removeEventListener('abort', hurry)
    left.removeEventListener('abort', leave)
  }
  if (cut.signal.aborted) end()
  cut.signal.addEventListener('abort', end, { once: true })
  return { signal: cut.signal, end }
}
