import { text as readStream } from 'node:stream/consumers'
import { defineCommand } from 'citty'
import type { Operator } from '../app.ts'
import { allowed } from '../auth/audit.ts'
import { parseEmailAddress } from '../auth/email-address.ts'
import { hashPassword, requireGoodPassword } from '../auth/password.ts'
import { randomBytes } from '../auth/random.ts'
import { type Acting, appointUser, deleteUser, disableUser, enableUser } from '../auth/roster.ts'
import { ConfigError } from '../config.ts'
import { ApiError } from '../errors.ts'
import type { UserRow } from '../store/users.ts'
import { answer, columns, json, operate, origin, requireUser, say } from './shell.ts'

const MOST_LISTED = 1000
const who = {
  type: 'positional',
  description: 'E-mail address or user name',
  required: true,
} as const
const passwordStdin = {
  type: 'boolean',
  description: 'Read the password from standard input; one is made and shown otherwise',
  default: false,
} as const

export const listUsers = defineCommand({
  meta: { name: 'list', description: 'Everybody with an account, oldest first' },
  args: { json },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const query = { address: null, namePrefix: null, after: null, most: MOST_LISTED }
      const users = await app.store.roster.list(query)
      if (args.json) return say(JSON.stringify(users.map(told), null, 2))
      if (users.length === 0) return say('Nobody yet. Next: freddy-auth users add you@example.com')
      const rows = users.map((user) => [
        user.address,
        user.user_name ?? '–',
        user.role,
        state(user),
      ])
      for (const line of columns([['ADDRESS', 'NAME', 'ROLE', 'STATE'], ...rows])) say(line)
      if (users.length === MOST_LISTED)
        say(`The first ${MOST_LISTED}; the rest by GET /v1/admin/users.`)
    }),
})

export const showUser = defineCommand({
  meta: { name: 'show', description: 'One account' },
  args: { user: who, json },
  run: ({ args }) =>
    operate(async (operator) => {
      const user = told(await requireUser(operator, args.user))
      if (args.json) return say(JSON.stringify(user, null, 2))
      const rows = Object.entries(user).map(([name, value]) => [name, String(value ?? '–')])
      for (const line of columns(rows)) say(line)
    }),
})

export const disableCommand = act(
  'disable',
  'Sign somebody out everywhere and let them in no more',
  disableUser,
  (name) => `${name} is disabled; every session has ended. Undo: freddy-auth users enable ${name}`,
)

export const enableCommand = act(
  'enable',
  'Let somebody sign in again',
  enableUser,
  (name) => `${name} may sign in again. Sessions that had ended stay ended.`,
)

export const deleteCommand = act(
  'delete',
  'Delete an account with its sessions and keys',
  deleteUser,
  (name) => `${name} is deleted. The audit trail keeps what was decided.`,
)

export const roleCommand = defineCommand({
  meta: { name: 'role', description: 'Make somebody an admin, or a user again' },
  args: {
    user: who,
    role: { type: 'positional', description: 'user or admin', required: true },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { role } = args
      if (role !== 'user' && role !== 'admin')
        throw new ConfigError([`A role is user or admin; not ${role}.`])
      const user = await requireUser(operator, args.user)
      await appointUser(shell(operator), user.id, role)
      const sentence = `${args.user} has the role ${role}, from the next sign-in on.`
      answer(args, { id: user.id, role }, sentence)
    }),
})

export const setPasswordCommand = defineCommand({
  meta: { name: 'set-password', description: 'A new password; every session ends' },
  args: { user: who, 'password-stdin': passwordStdin, json },
  run: ({ args }) =>
    operate(async (operator) => {
      const user = await requireUser(operator, args.user)
      await recover(operator, user, { ...args, address: null, stdin: args['password-stdin'] })
    }),
})

export const recoverCommand = defineCommand({
  meta: {
    name: 'recover',
    description: 'Back in after a mailbox was lost: new address, new password',
  },
  args: {
    user: who,
    email: { type: 'string', description: 'The new address; codes go there', required: true },
    'password-stdin': passwordStdin,
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const user = await requireUser(operator, args.user)
      const address = parseEmailAddress(args.email)?.address
      if (!address) throw new ConfigError([`${args.email} is not an e-mail address.`])
      await recover(operator, user, { ...args, address, stdin: args['password-stdin'] })
    }),
})

async function recover(
  operator: Operator,
  user: UserRow,
  { address, stdin, json }: { address: string | null; stdin: boolean; json: boolean },
): Promise<void> {
  const { app } = operator
  const given = stdin ? (await readStream(process.stdin)).replace(/\r?\n$/, '') : null
  const password = given ?? randomBytes(15).toString('base64url')
  const spelt = await requireGoodPassword(app, password, [address ?? user.address])
  const facts = address
    ? { changed: ['password', 'email'], email: address }
    : { changed: ['password'] }
  const about = { userId: user.id, subjectId: user.id, actor: 'shell', facts }
  const event = allowed(shell(operator), 'user.recovered', about)
  const passwordHash = await hashPassword(app, spelt)
  const done = await app.store.roster.recover(user.id, { passwordHash, address }, event)
  if (!done) throw new ConfigError([`${address} belongs to another account.`])
  const name = address ?? user.address
  const made = given === null ? { password } : {}
  const how = given === null ? ` with the password ${password}` : ''
  answer(
    { json },
    { id: user.id, email: name, ...made },
    `${name} may sign in${how || '.'}`,
    'Every session has ended; API keys stay. See them: freddy-auth keys list --user …',
  )
}

function act(
  name: string,
  description: string,
  change: (acting: Acting, id: string) => Promise<void>,
  sentence: (user: string) => string,
) {
  return defineCommand({
    meta: { name, description },
    args: { user: who, json },
    run: ({ args }) =>
      operate(async (operator) => {
        const user = await requireUser(operator, args.user)
        await change(shell(operator), user.id).catch(explain)
        answer(args, { id: user.id, done: name }, sentence(args.user))
      }),
  })
}

function explain(cause: unknown): never {
  const reason = cause instanceof ApiError ? cause.details?.reason : undefined
  throw reason ? new ConfigError([`${reason}.`]) : cause
}

function shell({ app }: Operator): Acting {
  return { app, origin, now: app.now(), actor: 'shell' }
}

function state(user: UserRow): string {
  return user.disabled_at === null ? 'active' : 'disabled'
}

function told(user: UserRow) {
  const moment = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    id: user.id,
    email: user.address,
    username: user.user_name,
    full_name: user.full_name,
    role: user.role,
    state: state(user),
    last_login: moment(user.last_login_at),
    created_at: moment(user.created_at),
  }
}
