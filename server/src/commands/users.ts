import { text as readStream } from 'node:stream/consumers'
import { defineCommand } from 'citty'
import { allowed } from '../auth/audit.ts'
import { parseEmailAddress } from '../auth/email-address.ts'
import { hashPassword, requireGoodPassword } from '../auth/password.ts'
import { randomBytes, randomId } from '../auth/random.ts'
import { parseUserName } from '../auth/user-name.ts'
import { ConfigError } from '../config.ts'
import { budgetCommand } from './budget.ts'
import { exportCommand } from './export.ts'
import { importCommand } from './import.ts'
import { inviteCommand } from './invite.ts'
import {
  deleteCommand,
  disableCommand,
  enableCommand,
  listUsers,
  roleCommand,
  setPasswordCommand,
  showUser,
} from './roster.ts'
import { answer, json, operate, origin } from './shell.ts'

const addUser = defineCommand({
  meta: {
    name: 'add',
    description: 'Make an account; the password is read from standard input, or made',
  },
  args: {
    email: { type: 'positional', description: 'E-mail address', required: true },
    name: { type: 'string', description: 'User name' },
    'password-stdin': { type: 'boolean', description: 'Read the password', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const address = parseEmailAddress(args.email)?.address
      if (!address) throw new ConfigError([`${args.email} is not an e-mail address.`])
      const userName = args.name ? parseUserName(args.name) : null
      if (args.name && !userName)
        throw new ConfigError([`${args.name} is not a user name, or a reserved one.`])
      const given = args['password-stdin']
        ? (await readStream(process.stdin)).replace(/\r?\n$/, '')
        : null
      const password = given ?? randomBytes(15).toString('base64url')
      const now = app.now()
      const user = {
        id: randomId('usr_'),
        address,
        user_name: userName,
        full_name: null,
        password_hash: await hashPassword(app, await requireGoodPassword(app, password, [address])),
        created_at: now,
        updated_at: now,
        last_login_at: null,
        disabled_at: null,
      }
      const facts = { email: address }
      const about = { userId: user.id, subjectId: user.id, actor: 'shell', facts }
      if (!(await app.store.users.create(user, allowed({ now, origin }, 'user.created', about))))
        throw new ConfigError([`${args.email}, or its user name, has an account already.`])
      const made = given === null ? { password } : {}
      const how = given === null ? ` with the password ${password}` : ''
      answer(args, { id: user.id, email: address, ...made }, `${address} may sign in${how || '.'}`)
    }),
})

export const usersCommand = defineCommand({
  meta: { name: 'users', description: 'Accounts' },
  subCommands: {
    add: addUser,
    invite: inviteCommand,
    export: exportCommand,
    import: importCommand,
    list: listUsers,
    show: showUser,
    disable: disableCommand,
    enable: enableCommand,
    delete: deleteCommand,
    role: roleCommand,
    budget: budgetCommand,
    'set-password': setPasswordCommand,
  },
})
