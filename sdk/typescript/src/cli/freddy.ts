#!/usr/bin/env node
import { type CommandDef, defineCommand } from 'citty'
import { logoutCommand, whoamiCommand } from './account.ts'
import { askCommand } from './ask.ts'
import { completionCommand } from './completion.ts'
import { keysCommand } from './keys.ts'
import { loginCommand } from './login.ts'
import { scanCommand } from './scan.ts'
import { sessionsCommand } from './sessions.ts'
import { usageCommand } from './usage.ts'
import { VERSION } from './version.ts'
import { runWords } from './words.ts'

const main: CommandDef = defineCommand({
  meta: { name: 'freddy', version: VERSION, description: 'Sign in to Freddy Auth and use it' },
  subCommands: {
    login: loginCommand,
    logout: logoutCommand,
    whoami: whoamiCommand,
    keys: keysCommand,
    sessions: sessionsCommand,
    ask: askCommand,
    usage: usageCommand,
    scan: scanCommand,
    completion: completionCommand(() => main),
  },
})

const words = process.argv.slice(2)
if (words.join() === '--version') process.stdout.write(`${VERSION}\n`)
else await runWords(main, words)
