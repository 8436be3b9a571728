#!/usr/bin/env node
import { defineCommand, runMain } from 'citty'
import { describeApi, openStore } from './app.ts'
import { auditCommand } from './commands/audit.ts'
import { keysCommand } from './commands/keys.ts'
import { recoverCommand } from './commands/roster.ts'
import { secretCommand } from './commands/secret.ts'
import { usersCommand } from './commands/users.ts'
import { readConfig } from './config.ts'
import { fail, serve } from './main.ts'

const migrateCommand = defineCommand({
  meta: { name: 'migrate', description: 'Bring the database to the newest schema' },
  async run() {
    const { database } = await openStore(readConfig()).catch(fail)
    await database.close()
    process.stdout.write('The database is at the newest schema.\n')
  },
})

const openapiCommand = defineCommand({
  meta: { name: 'openapi', description: 'Print the description of the API' },
  async run() {
    process.stdout.write(`${JSON.stringify(await describeApi(), null, 2)}\n`)
  },
})

const main = defineCommand({
  meta: { name: 'freddy-auth', description: 'Two-step sign-in, API keys and a gateway' },
  subCommands: {
    serve: defineCommand({ meta: { name: 'serve', description: 'Run the server' }, run: serve }),
    migrate: migrateCommand,
    users: usersCommand,
    keys: keysCommand,
    secret: secretCommand,
    audit: auditCommand,
    recover: recoverCommand,
    openapi: openapiCommand,
  },
})

await runMain(main)
