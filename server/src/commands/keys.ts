import { defineCommand } from 'citty'
import { allowed } from '../auth/audit.ts'
import { ConfigError } from '../config.ts'
import { createKey } from './create-key.ts'
import { answer, json, operate, origin, requireUser, say } from './shell.ts'

const listKeys = defineCommand({
  meta: { name: 'list', description: "A person's API keys" },
  args: {
    user: { type: 'string', description: 'E-mail address or user name', required: true },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const user = await requireUser(operator, args.user)
      const rows = await operator.app.store.apiKeys.list(user.id, null, 1000)
      const keys = rows.map(
        ({ hash: _, former_hash: __, user_id: ___, disabled_at: ____, ...shown }) => shown,
      )
      if (args.json) return say(JSON.stringify(keys, null, 2))
      if (keys.length === 0) return say('No keys yet.')
      for (const key of keys) {
        say(`${key.id}  ${key.prefix}…${key.last4}  ${key.scopes}  ${key.name}${state(key)}`)
      }
    }),
})

function state(key: { revoked_at: number | null; paused_at: number | null }): string {
  if (key.revoked_at !== null) return '  revoked'
  return key.paused_at === null ? '' : '  paused'
}

/** What the operator does to one key of a person; false from the store means that there was nothing to do. */
function act(
  name: 'revoke' | 'pause' | 'resume',
  told: { description: string; event: string; live: string; done: string },
) {
  return defineCommand({
    meta: { name, description: told.description },
    args: {
      id: { type: 'positional', description: 'key_…', required: true },
      user: {
        type: 'string',
        description: 'E-mail address or user name of the owner',
        required: true,
      },
      json,
    },
    run: ({ args }) =>
      operate(async (operator) => {
        const { app } = operator
        const user = await requireUser(operator, args.user)
        const facts = { by: 'operator' }
        const about = {
          ...{ reason: 'operator', userId: user.id, subjectId: args.id, actor: 'shell' },
          facts,
        }
        const event = allowed({ now: app.now(), origin }, told.event, about)
        if (!(await app.store.apiKeys[name](args.id, user.id, event)))
          throw new ConfigError([
            `${args.user} has no ${told.live} key ${args.id}. List them: freddy-auth keys list`,
          ])
        answer(args, { id: args.id, event: told.event }, `${args.id} ${told.done}`)
      }),
  })
}

const revokeKey = act('revoke', {
  description: 'End an API key for good',
  event: 'key.revoked',
  live: 'live',
  done: 'is revoked.',
})

const pauseKey = act('pause', {
  description: 'Let an API key open nothing until it is resumed',
  event: 'key.paused',
  live: 'live',
  done: 'is paused. Undo: freddy-auth keys resume',
})

const resumeKey = act('resume', {
  description: 'Let a paused API key open again',
  event: 'key.resumed',
  live: 'paused',
  done: 'opens again.',
})

export const keysCommand = defineCommand({
  meta: { name: 'keys', description: 'API keys' },
  subCommands: {
    create: createKey,
    list: listKeys,
    revoke: revokeKey,
    pause: pauseKey,
    resume: resumeKey,
  },
})
