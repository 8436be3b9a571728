import { defineCommand } from 'citty'
import { openPlace } from './place.ts'
import { answer, columns, common, paint, run, talk, waiting } from './shell.ts'

const MILLION = 1_000_000
const groupings = ['day', 'model', 'key'] as const

export const usageCommand = defineCommand({
  meta: { name: 'usage', description: 'What was asked of models, and how far budgets are gone' },
  args: {
    by: { type: 'enum', options: [...groupings], description: 'What the rows are', default: 'day' },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const by = groupings.find((known) => known === args.by) ?? 'day'
      const { auth } = await openPlace(args)
      const usage = await waiting(() => 'Adding up', auth.usage.show({ by }))
      const rows = usage.data.map((row) => [String(row[by] ?? 'signed in'), ...sumsOf(row)])
      answer(args, usage, ...columns([...rows, ['total', ...sumsOf(usage.total)]]))
      for (const { limit, key, used, most, resets_at } of usage.limits) {
        const whose = key ? `${limit} of ${key}` : limit
        talk(paint('dim', `${whose}: ${used} of ${most}, anew at ${resets_at}`))
      }
    }),
})

function sumsOf(sums: {
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money_millionths: number
}): string[] {
  const { calls, input_tokens, output_tokens, money_millionths } = sums
  const money = (money_millionths / MILLION).toFixed(2)
  return [`${calls} calls`, `${input_tokens} in`, `${output_tokens} out`, money]
}
