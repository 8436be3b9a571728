import { type Static, Type } from 'typebox'
import { keptLimits, shownLimit, spending } from '../account/key-fields.ts'
import { tellStanding, UsageLimit } from '../account/usage-answers.ts'
import { allowed } from '../auth/audit.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { spendsFreely } from '../limits.ts'
import { forgetAllowance, limitsOf } from '../responses/allowance.ts'
import { standing } from '../responses/ledger.ts'
import { strict } from '../wire/body.ts'
import { OrNull } from '../wire/reply.ts'
import type { ManagedUserParams } from './users.ts'

export const PersonBudgetBody = Type.Object(
  {
    budget: OrNull(
      Type.Object(spending, {
        ...strict,
        description: 'What is not named is free; null: what USER_BUDGET says, again',
      }),
    ),
  },
  strict,
)

const Most = OrNull(Type.Number())

export const PersonBudgetAnswer = Type.Object({
  object: Type.Literal('user.budget'),
  id: Type.String(),
  is_standard: Type.Boolean({ description: 'Whether it is what USER_BUDGET says' }),
  budget: Type.Object({
    tokens_per_day: Most,
    tokens_per_month: Most,
    money_per_day: Most,
    money_per_month: Most,
  }),
  limits: Type.Array(UsageLimit, { description: 'How far each limit is gone' }),
})

type About<Body = unknown> = Call<Body, Static<typeof ManagedUserParams>>
type Answer = Static<typeof PersonBudgetAnswer>

/** What somebody may spend with all keys and sessions, and how much of it is gone. */
export async function showPersonBudget(call: About): Promise<Answer> {
  const { app, now, params } = call
  const { id } = params
  if (!(await app.store.users.find(id))) throw new ApiError('RESOURCE_NOT_FOUND')
  const caller = { userId: id, keyId: null, limits: null, parent: null }
  const { limits: own } = await app.store.allowances.find(id, now)
  const limits = (await limitsOf(app, caller, now)).person ?? spendsFreely
  return {
    object: 'user.budget',
    id,
    is_standard: own === null,
    budget: {
      tokens_per_day: limits.tokens_per_day,
      tokens_per_month: limits.tokens_per_month,
      money_per_day: shownLimit('money_per_day', limits.money_per_day),
      money_per_month: shownLimit('money_per_month', limits.money_per_month),
    },
    limits: (await standing(app, caller, now)).map(tellStanding),
  }
}

/** Says what somebody may spend; null puts the standard of the server back. */
export async function setPersonBudget(
  call: About<Static<typeof PersonBudgetBody>>,
): Promise<Answer> {
  const { app, body, params } = call
  const { userId: actor } = requireStrongSession(call)
  const event = allowed(call, 'user.budget', { userId: params.id, subjectId: params.id, actor })
  const limits = body.budget && { ...spendsFreely, ...keptLimits(body.budget) }
  await app.store.allowances.appoint(params.id, limits, event)
  forgetAllowance(app, params.id)
  return showPersonBudget(call)
}
