import { defineCommand } from 'citty'
import { allowed } from '../auth/audit.ts'
import { ConfigError, readConfig } from '../config.ts'
import { fail } from '../main.ts'
import { addSecret, secretFileOf } from '../secret-file.ts'
import { answer, json, operate, origin } from './shell.ts'

const addSecretCommand = defineCommand({
  meta: {
    name: 'rotate',
    description: 'Put a new secret before the old ones; nobody is logged out',
  },
  args: { json },
  async run({ args }) {
    const config = readConfig()
    if (config.secretKey)
      fail(new ConfigError(['SECRET_KEY: put the new one before it, with a space between.']))
    const file = secretFileOf(config)
    await operate(async ({ app }) => {
      addSecret(file)
      const event = allowed({ now: app.now(), origin }, 'secret.rotated', { actor: 'shell' })
      await app.store.audit.record(event)
      answer(
        args,
        { file },
        'A new secret stands first. Restart the server; drop the last one after 30 days.',
      )
    })
  },
})

export const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'The root of every key' },
  subCommands: { rotate: addSecretCommand },
})
