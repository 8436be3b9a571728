import { differenceFrom } from './difference.ts'
import { LOGIN, nobody, refused, type ServerRule } from './server-rules.ts'
import type { Heard, Talk } from './server-talk.ts'

/** No server is called that (RFC 2606). */
const ELSEWHERE = 'elsewhere.invalid'
const WRONG_PASSWORDS = 5
const LONGEST_WAIT = 300

/** What stands before all else: for whom a call is meant, and how often somebody may try. */
export const edgeRules: readonly ServerRule[] = [
  {
    name: 'foreign-host',
    promise: 'a call that is meant for another host is refused',
    check: async (talk) =>
      differenceFrom(
        refused(400, 'MALFORMED_REQUEST'),
        await talk.askAs(ELSEWHERE, { line: 'GET /models' }),
      ),
  },
  {
    name: 'throttled',
    promise:
      'after five wrong passwords for an account the next try is refused in the founding words, with the seconds to wait',
    check: throttledProblem,
  },
]

async function throttledProblem(talk: Talk): Promise<string | null> {
  const question = { line: LOGIN, body: nobody() }
  for (let tried = 0; tried < WRONG_PASSWORDS; tried++) {
    const wrong = differenceFrom(refused(401, 'INVALID_CREDENTIALS'), await talk.ask(question))
    if (wrong) return wrong
  }
  const heard = await talk.ask(question)
  const code = 'TOO_MANY_LOGIN_ATTEMPTS'
  const message = 'Too many login attempts. Please try again later'
  const body = { success: false, error: { code, message, status: 429 } }
  return differenceFrom({ status: 429, body }, heard) ?? waitProblem(heard)
}

/** The seconds to wait stand in the body and in the header, and are five minutes at most. */
function waitProblem({ line, headers, body }: Heard): string | null {
  const seconds = body.error.details?.retry_after
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_WAIT) {
    return `${line} answered error.details.retry_after: ${JSON.stringify(seconds)} in place of 1 to ${LONGEST_WAIT}`
  }
  const header = headers.get('retry-after')
  if (header === String(seconds)) return null
  return `${line} answered Retry-After: ${header} and error.details.retry_after: ${seconds}`
}
