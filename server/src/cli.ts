#!/usr/bin/env node
import { defineCommand } from 'citty'
import { openStore } from './app.ts'
import { auditCommand } from './commands/audit.ts'
import { backupCommand, restoreCommand, restoredCommand } from './commands/backup.ts'
import { deployCheckCommand } from './commands/deploy-check.ts'
import { doctorCommand } from './commands/doctor.ts'
import { healthCommand } from './commands/health.ts'
import { keysCommand } from './commands/keys.ts'
import { mailCommand } from './commands/mail.ts'
import { panicCommand } from './commands/panic.ts'
import { recoverCommand } from './commands/roster.ts'
import { secretCommand } from './commands/secret.ts'
import { sessionsCommand } from './commands/sessions.ts'
import { answer, json } from './commands/shell.ts'
import { usersCommand } from './commands/users.ts'
import { webhooksCommand } from './commands/webhooks.ts'
import { runWords } from './commands/words.ts'
import { readConfig } from './config.ts'
import { describeApi } from './http/openapi.ts'
import { fail, serve } from './main.ts'

const migrateCommand = defineCommand({
  meta: { name: 'migrate', description: 'Bring the database to the newest schema' },
  args: { json },
  async run({ args }) {
    const { database, store } = await openStore(readConfig()).catch(fail)
    const schema = await store.inspection.newestVersion()
    await database.close()
    answer(args, { schema }, 'The database is at the newest schema.')
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
    sessions: sessionsCommand,
    secret: secretCommand,
    webhooks: webhooksCommand,
    audit: auditCommand,
    mail: mailCommand,
    recover: recoverCommand,
    panic: panicCommand,
    doctor: doctorCommand,
    'deploy-check': deployCheckCommand,
    health: healthCommand,
    backup: backupCommand,
    restore: restoreCommand,
    restored: restoredCommand,
    openapi: openapiCommand,
  },
})

await runWords(main, process.argv.slice(2))
