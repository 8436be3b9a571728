import { defineCommand } from 'citty'
import { tellDone, tellPlan } from '../admin/panic.ts'
import { confirmPanic, type Panicking, type Plan, planPanic, undoPanic } from '../auth/panic.ts'
import { readTarget, type Target, type Wanted } from '../auth/panic-target.ts'
import { ConfigError } from '../config.ts'
import { ApiError } from '../errors.ts'
import { answer, json, operate, origin, say } from './shell.ts'

const option = (description: string) => ({ type: 'string', description }) as const

export const panicCommand = defineCommand({
  meta: {
    name: 'panic',
    description: 'End every session and pause every key of a person, a network, or since a moment',
  },
  args: {
    user: option('Of this person: an e-mail address or a user name'),
    network: option('From this network, such as 192.0.2.0/24'),
    since: option('Since this moment, such as 2026-11-23T14:05:00Z'),
    confirm: option('Do it: what the plan said'),
    undo: option('Undo one within ten minutes: pan_…'),
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const acting = { app, origin, now: app.now(), actor: 'shell', sessionId: null }
      if (args.undo !== undefined) return undo(acting, args.undo, args.json)
      const target = await requireTarget(acting, args)
      if (args.confirm === undefined) return plan(acting, target, args)
      const done = await confirmPanic(acting, target, args.confirm)
      const { sessions, keyHashes } = done.ended
      answer(
        args,
        tellDone(done, target.text),
        `${sessions.length} sessions have ended, ${keyHashes.length} API keys are paused. Whoever is concerned gets a mail.`,
        `Undo within ten minutes: freddy-auth panic --undo ${done.id}`,
      )
    }),
})

async function requireTarget({ app, now }: Panicking, wanted: Wanted): Promise<Target> {
  if (!wanted.user && !wanted.network && !wanted.since)
    throw new ConfigError(['Say what: --user USER, --network CIDR, or --since MOMENT.'])
  return readTarget(app, wanted, now).catch((cause) => {
    const [misfit] = (cause instanceof ApiError && cause.details?.fields) || []
    if (misfit) throw new ConfigError([`--${misfit.field} ${misfit.message}.`])
    if (!(cause instanceof ApiError && cause.code === 'RESOURCE_NOT_FOUND')) throw cause
    throw new ConfigError([`There is no user ${wanted.user}. See: freddy-auth users list`])
  })
}

async function undo(acting: Panicking, id: string, json: boolean): Promise<void> {
  const restored = await undoPanic(acting, id).catch((cause) => {
    if (!(cause instanceof ApiError && cause.code === 'RESOURCE_NOT_FOUND')) throw cause
    throw new ConfigError([`There was no panic ${id}. See: freddy-auth audit tail`])
  })
  const counts = { sessions: restored.sessions.length, api_keys: restored.keyHashes.length }
  answer(
    { json },
    { object: 'panic', id, state: 'undone', restored: counts },
    `${counts.sessions} sessions and ${counts.api_keys} API keys are back. Codes and links stay ended.`,
  )
}

async function plan(
  acting: Panicking,
  target: Target,
  args: Wanted & { readonly json: boolean },
): Promise<void> {
  const made = await planPanic(acting, target)
  if (args.json) return say(JSON.stringify(tellPlan(made), null, 2))
  for (const line of [...describe(made), '', 'Nothing has ended yet. Do it within five minutes:'])
    say(line)
  const [name, value] = Object.entries(args).find(
    ([each, given]) => ['user', 'network', 'since'].includes(each) && given !== undefined,
  ) ?? ['', '']
  say(`  freddy-auth panic --${name} '${value}' --confirm ${made.confirm}`)
}

function describe({ reach: { counts, sessions, apiKeys }, target }: Plan): string[] {
  const when = (ms: number | null) =>
    ms === null
      ? 'never used'
      : `last used ${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}`
  const rest = (all: number, shown: number) => (all > shown ? [`  and ${all - shown} more`] : [])
  return [
    `A panic about ${target.text} would concern ${counts.people} people.`,
    `It would end ${counts.sessions} sessions:`,
    ...sessions.map(
      ({ address, name, source, last_seen_at }) =>
        `  ${address}  ${name ?? 'a device'}  ${source}  ${when(last_seen_at)}`,
    ),
    ...rest(counts.sessions, sessions.length),
    `It would pause ${counts.apiKeys} API keys:`,
    ...apiKeys.map(
      ({ address, name, prefix, last4, last_used_at }) =>
        `  ${address}  ${name}  ${prefix}…${last4}  ${when(last_used_at)}`,
    ),
    ...rest(counts.apiKeys, apiKeys.length),
    `And end ${counts.challenges} mailed codes.`,
  ]
}
