import { defineCommand } from 'citty'
import { allOf } from './pages.ts'
import { openPlace } from './place.ts'
import { answer, columns, common, run, talk, WrongWords, waiting } from './shell.ts'

const DAY = 86_400_000

const createCommand = defineCommand({
  meta: { name: 'create', description: 'Make an API key; it is printed once' },
  args: {
    name: { type: 'positional', description: 'What it is for', required: true },
    scopes: { type: 'string', description: 'responses,models,…' },
    days: { type: 'string', description: 'Days until it ends: 90 when absent, 0 is never' },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const end = args.days === undefined ? {} : { expires_at: endIn(args.days) }
      const { auth } = await openPlace(args)
      const scopes = args.scopes ? { scopes: args.scopes.split(',') } : {}
      const made = await auth.apiKeys.create({ name: args.name, ...end, ...scopes })
      answer(args, made, made.key)
      talk(`${made.id}: shown this once. ${endsAt(made.expires_at)}`)
    }),
})

const listCommand = defineCommand({
  meta: { name: 'list', description: 'Your API keys, newest first' },
  args: common,
  run: ({ args }) =>
    run(args, async () => {
      const { auth } = await openPlace(args)
      const keys = await waiting(
        () => 'Reading keys',
        allOf((page) => auth.apiKeys.list(page)),
      )
      const rows = keys.map((key) => [
        key.id,
        `${key.prefix}…${key.last4}`,
        key.status,
        key.expires_at?.slice(0, 10) ?? 'never ends',
        key.scopes.join(','),
        key.name,
      ])
      answer(args, keys, ...columns(rows))
      if (keys.length === 0) talk('No keys yet: freddy keys create NAME')
    }),
})

const revokeCommand = defineCommand({
  meta: { name: 'revoke', description: 'End an API key for good' },
  args: { id: { type: 'positional', description: 'key_…', required: true }, ...common },
  run: ({ args }) =>
    run(args, async () => {
      const { auth } = await openPlace(args)
      await auth.apiKeys.revoke(args.id)
      answer(args, { id: args.id, deleted: true }, args.id)
      talk('Revoked.')
    }),
})

const rotateCommand = defineCommand({
  meta: { name: 'rotate', description: 'Give an API key another secret; it is printed once' },
  args: {
    id: { type: 'positional', description: 'key_…', required: true },
    overlap: { type: 'string', description: 'Days that the old secret goes on: 0 to 30' },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const days = args.overlap === undefined ? null : wholeDays('--overlap', args.overlap, 30)
      const { auth } = await openPlace(args)
      const made = await auth.apiKeys.rotate(args.id, days === null ? {} : { overlap_days: days })
      answer(args, made, made.key)
      talk(`${made.id}: shown this once. The old secret goes on for ${days ?? 7} days.`)
    }),
})

export const keysCommand = defineCommand({
  meta: { name: 'keys', description: 'API keys' },
  subCommands: {
    list: listCommand,
    create: createCommand,
    rotate: rotateCommand,
    revoke: revokeCommand,
  },
})

function endIn(text: string): string | null {
  const days = wholeDays('--days', text, 3650)
  return days === 0 ? null : new Date(Date.now() + days * DAY).toISOString()
}

function wholeDays(option: string, text: string, most: number): number {
  const days = Number(text)
  if (text && Number.isInteger(days) && days >= 0 && days <= most) return days
  throw new WrongWords(`${option} takes 0 to ${most}.`)
}

function endsAt(moment: string | null): string {
  return moment ? `It ends on ${moment.slice(0, 10)}.` : 'It never ends.'
}
