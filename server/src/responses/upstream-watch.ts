import type { UpstreamTimes } from '../config-upstream.ts'
import { ApiError } from '../errors.ts'

/** One clock for the next byte, one for everything; either ends the call. */
export interface Watch {
  readonly signal: AbortSignal
  expect(ms: number): void
  /** The caller is slow, not the model server. */
  rest(): void
  end(): void
  readonly idleMs: number
}

export function createWatch(times: UpstreamTimes, left: AbortSignal): Watch {
  const controller = new AbortController()
  const expire = () => controller.abort(new ApiError('UPSTREAM_TIMEOUT'))
  const leave = () => controller.abort(left.reason)
  if (left.aborted) leave()
  left.addEventListener('abort', leave, { once: true })
  const total = setTimeout(expire, times.total)
  let next: NodeJS.Timeout | undefined
  return {
    signal: controller.signal,
    idleMs: times.idle,
    expect(ms) {
      clearTimeout(next)
      next = setTimeout(expire, ms)
    },
    rest: () => clearTimeout(next),
    end() {
      clearTimeout(total)
      clearTimeout(next)
      left.removeEventListener('abort', leave)
    },
  }
}
