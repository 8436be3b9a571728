import { defineCommand } from 'citty'
import { parseEmailAddress } from '../auth/email-address.ts'
import { invite } from '../auth/invitation.ts'
import { ConfigError } from '../config.ts'
import { answer, json, operate, origin } from './shell.ts'

export const inviteCommand = defineCommand({
  meta: { name: 'invite', description: 'Mail somebody an invitation to register' },
  args: {
    email: { type: 'positional', description: 'E-mail address', required: true },
    admin: { type: 'boolean', description: 'As an admin', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const address = parseEmailAddress(args.email)?.address
      if (!address) throw new ConfigError([`${args.email} is not an e-mail address.`])
      const role = args.admin ? 'admin' : 'user'
      const row = await invite({ app, origin, now: app.now(), actor: 'shell' }, { address, role })
      if (!row) throw new ConfigError([`${address} has an account already.`])
      answer(
        args,
        { email: address, role, expires_at: new Date(row.expires_at).toISOString() },
        `${address} is invited for 7 days; the running server mails it. An older invitation is void.`,
      )
    }),
})
