import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { FactorChange } from '../store/factor-change.ts'
import type { UserRow } from '../store/users.ts'
import { allowed } from './audit.ts'
import { type About, noticeOf } from './notice.ts'
import { requireFreshSession } from './strong-session.ts'

/** Whoever may change their ways to sign in now. */
export async function requireFreshUser(call: Call<unknown, unknown, unknown>): Promise<UserRow> {
  const { userId } = requireFreshSession(call)
  const user = await call.app.store.users.find(userId)
  if (!user) throw new ApiError('TOKEN_INVALID')
  return user
}

/** What every change leaves behind: its event, and a letter to the owner. */
export async function factorChange(
  call: Call,
  user: UserRow,
  event: 'factor.added' | 'factor.removed' | 'recovery-codes.made',
  change: NonNullable<About['change']>,
  subjectId: string | null = null,
): Promise<FactorChange> {
  const [kind = ''] = change.split('-')
  const facts = { kind }
  const about = {
    ...{ userId: user.id, subjectId, facts },
    ...(kind === 'recovery' ? {} : { reason: kind }),
  }
  return {
    event: allowed(call, event, about),
    ...noticeOf(call, user, 'factors', { change }),
  }
}
