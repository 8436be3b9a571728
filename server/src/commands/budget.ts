import { defineCommand } from 'citty'
import { allowed } from '../auth/audit.ts'
import { ConfigError } from '../config.ts'
import { spendingLimits } from '../config-upstream.ts'
import { limitsOf } from '../responses/allowance.ts'
import type { LimitName, SpendingLimits } from '../store/spending.ts'
import { answer, json, operate, origin, requireUser } from './shell.ts'

const names = ['tokens_per_day', 'tokens_per_month', 'money_per_day', 'money_per_month'] as const
const amount = { type: 'string', description: 'An amount, or none' } as const

export const budgetCommand = defineCommand({
  meta: { name: 'budget', description: 'What somebody may spend with all keys and sessions' },
  args: {
    user: { type: 'positional', description: 'E-mail address or user name', required: true },
    'tokens-per-day': amount,
    'tokens-per-month': amount,
    'money-per-day': { ...amount, description: 'In the unit of prices, or none' },
    'money-per-month': { ...amount, description: 'In the unit of prices, or none' },
    standard: { type: 'boolean', description: 'What USER_BUDGET says, again', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const user = await requireUser(operator, args.user)
      const now = app.now()
      const { person: before } = await limitsOf(
        app,
        { userId: user.id, keyId: null, limits: null },
        now,
      )
      const changes = changesIn(args)
      const isChange = args.standard || Object.keys(changes).length > 0
      const after = args.standard ? app.config.userBudget : { ...nothing, ...before, ...changes }
      if (isChange) {
        const about = { userId: user.id, subjectId: user.id, actor: 'shell' }
        const event = allowed({ now, origin }, 'user.budget', about)
        await app.store.allowances.appoint(user.id, args.standard ? null : after, event)
      }
      answer(args, { user: user.id, ...nothing, ...after }, `${args.user}: ${say(after)}`)
    }),
})

const nothing: SpendingLimits = {
  tokens_per_day: null,
  tokens_per_month: null,
  money_per_day: null,
  money_per_month: null,
}

/** The options that were given; `none` takes a limit away. */
function changesIn(args: Readonly<Record<string, unknown>>): Partial<SpendingLimits> {
  const given = names.flatMap((name): [LimitName, number | null][] => {
    const text = args[name.replaceAll('_', '-')]
    if (typeof text !== 'string') return []
    if (text === 'none') return [[name, null]]
    const read = spendingLimits(`${name}=${text}`)
    if (!read) throw new ConfigError([`--${name.replaceAll('_', '-')} takes an amount, or none.`])
    return [[name, read[name]]]
  })
  return Object.fromEntries(given)
}

function say(limits: SpendingLimits | null): string {
  const told = names.flatMap((name) => {
    const most = limits?.[name] ?? null
    if (most === null) return []
    return [`${name.replaceAll('_', ' ')} ${name.startsWith('money') ? most / 1_000_000 : most}`]
  })
  return told.join(', ') || 'no budget'
}
