import { defineCommand } from 'citty'
import { ConfigError, readConfig } from '../config.ts'
import { fail } from '../main.ts'
import { addSecret, secretFileOf } from '../secret-file.ts'
import { say } from './shell.ts'

const addSecretCommand = defineCommand({
  meta: {
    name: 'rotate',
    description: 'Put a new secret before the old ones; nobody is logged out',
  },
  run() {
    const config = readConfig()
    if (config.secretKey)
      fail(new ConfigError(['SECRET_KEY: put the new one before it, with a space between.']))
    addSecret(secretFileOf(config))
    say('A new secret stands first. Restart the server; drop the last one after 30 days.')
  },
})

export const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'The root of every key' },
  subCommands: { rotate: addSecretCommand },
})
