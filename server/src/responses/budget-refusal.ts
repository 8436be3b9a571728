import { baseAddress } from '../auth/link.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { moment } from '../wire/reply.ts'
import type { Standing } from './caps.ts'

/**
 * 402: which budget is used up, and until when. Of a key's the owner may allow more: the link leads to where that is
 * done after a sign-in, and opens nothing by itself. A person's is the operator's.
 */
export function exhausted(
  app: App,
  { level, owner, limit, used, most, resetsAt }: Standing,
): ApiError {
  const query = new URLSearchParams({ raise: owner, limit })
  const approval = level === 'key' ? { approval_url: `${baseAddress(app)}/hub/keys?${query}` } : {}
  return new ApiError('BUDGET_EXHAUSTED', {
    details: { level, limit, used, most, resets_at: moment(resetsAt), ...approval },
  })
}
