import { baseAddress } from '../auth/link.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { moment } from '../wire/reply.ts'
import type { Standing } from './caps.ts'

/**
 * 402: which budget is used up, and until when. Of a key's the owner may allow more: the link leads to where that is
 * done after a sign-in, and opens nothing by itself. A person's is the operator's.
 */
export function exhausted(app: App, standing: Standing): ApiError {
  const { level, owner, limit, used, most, resetsAt } = standing
  const query = new URLSearchParams({ raise: owner, limit })
  const approval =
    level !== 'person' ? { approval_url: `${baseAddress(app)}/hub/usage?${query}` } : {}
  const gone = { level, limit, used, most, resets_at: moment(resetsAt) }
  const details = { reason: sayReached(standing), ...gone, ...approval }
  return new ApiError('BUDGET_EXHAUSTED', { details })
}

/** Which budget is used up, in a sentence. */
export function sayReached({ level, limit, used, held, most, resetsAt }: Standing): string {
  const under = held > 0 ? `, ${say(held)} of them held for calls under way` : ''
  const unit = limit.startsWith('money') ? ' millionths' : ''
  return `${whose[level]} had used ${say(used)} of ${say(most)}${unit} (${limit})${under}. It begins anew at ${moment(resetsAt)}.`
}

const whose = {
  key: 'The API key',
  parent: 'The API key that made this one, with all it made,',
  person: 'The person, with all keys and sessions,',
} as const

const say = (count: number) => count.toLocaleString('en-GB')
