import { join } from 'node:path'
import { text as readStream } from 'node:stream/consumers'
import { defineCommand } from 'citty'
import { createOperator, type Operator } from './app.ts'
import { makeApiKey } from './auth/api-key.ts'
import { findBrokenSeal, sealEvents } from './auth/audit-chain.ts'
import { parseEmailAddress } from './auth/email-address.ts'
import { hashPassword, requireGoodPassword } from './auth/password.ts'
import { type Scope, scopes } from './auth/principal.ts'
import { randomBytes, randomId } from './auth/random.ts'
import { parseUserName } from './auth/user-name.ts'
import { ConfigError, readConfig } from './config.ts'
import { ApiError } from './errors.ts'
import { fail } from './main.ts'
import { addSecret } from './secret-file.ts'
import type { UserRow } from './store/users.ts'

const DAY = 86_400_000
/** The operator's shell, as the audit trail names it. */
const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

/** What a command prints: rows for people, JSON for programs. */
const json = { type: 'boolean', description: 'Print JSON', default: false } as const

/** Runs a command with the store open; a problem is one sentence and exit code 1. */
async function operate(work: (operator: Operator) => Promise<void>): Promise<void> {
  try {
    const operator = await createOperator(readConfig())
    try {
      await work(operator)
    } finally {
      await operator.close()
    }
  } catch (cause) {
    const reason = cause instanceof ApiError ? cause.details?.reason : undefined
    fail(reason ? new ConfigError([`${(cause as Error).message}. ${reason}.`]) : cause)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function requireUser({ app }: Operator, name: string): Promise<UserRow> {
  const address = parseEmailAddress(name)?.address
  const user = address
    ? await app.store.users.findByAddress(address)
    : await app.store.users.findByUserName(parseUserName(name) ?? '')
  if (!user)
    throw new ConfigError([`There is no user ${name}. Make one: freddy-auth users add ${name}`])
  return user
}

const addUser = defineCommand({
  meta: {
    name: 'add',
    description: 'Make an account; the password is read from standard input, or made',
  },
  args: {
    email: { type: 'positional', description: 'E-mail address', required: true },
    name: { type: 'string', description: 'User name' },
    'password-stdin': { type: 'boolean', description: 'Read the password', default: false },
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
      const created = await app.store.users.create({
        id: randomId('usr_'),
        address,
        user_name: userName,
        full_name: null,
        password_hash: await hashPassword(app, requireGoodPassword(app, password, [address])),
        created_at: now,
        updated_at: now,
        last_login_at: null,
        disabled_at: null,
      })
      if (!created)
        throw new ConfigError([`${args.email}, or its user name, has an account already.`])
      say(
        given === null
          ? `${address} may sign in with the password ${password}`
          : `${address} may sign in.`,
      )
    }),
})

const createKey = defineCommand({
  meta: { name: 'create', description: 'Make an API key; it is printed once' },
  args: {
    user: {
      type: 'string',
      description: 'E-mail address or user name of the owner',
      required: true,
    },
    name: { type: 'string', description: 'What it is for', default: 'made in the shell' },
    scopes: { type: 'string', description: scopes.join(','), default: 'responses,models' },
    days: { type: 'string', description: 'Days until it expires', default: '90' },
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const user = await requireUser(operator, args.user)
      const asked = args.scopes.split(',')
      const unknown = asked.find((scope) => !scopes.includes(scope as Scope))
      if (unknown !== undefined)
        throw new ConfigError([`--scopes takes ${scopes.join(',')}; not ${unknown}.`])
      const days = Number(args.days)
      if (!(days >= 1 && days <= 3650)) throw new ConfigError(['--days takes 1 to 3650.'])
      const made = await makeApiKey(
        { app, origin, now: app.now() },
        { userId: user.id, name: args.name, scopes: asked, expiresAt: app.now() + days * DAY },
      )
      if (!made)
        throw new ConfigError([`${args.user} has as many keys as one may have. Revoke one first.`])
      say(made.key)
    }),
})

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
      const keys = rows.map(({ hash: _, user_id: __, disabled_at: ___, ...shown }) => shown)
      if (args.json) return say(JSON.stringify(keys, null, 2))
      if (keys.length === 0) return say('No keys yet.')
      for (const key of keys) {
        const state = key.revoked_at === null ? '' : '  revoked'
        say(`${key.id}  ${key.prefix}…${key.last4}  ${key.scopes}  ${key.name}${state}`)
      }
    }),
})

const revokeKey = defineCommand({
  meta: { name: 'revoke', description: 'End an API key for good' },
  args: {
    id: { type: 'positional', description: 'key_…', required: true },
    user: {
      type: 'string',
      description: 'E-mail address or user name of the owner',
      required: true,
    },
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const user = await requireUser(operator, args.user)
      const event = {
        id: randomId('evt_'),
        happenedAt: app.now(),
        event: 'key.revoked',
        outcome: 'allowed' as const,
        reason: 'operator',
        userId: user.id,
        subjectId: args.id,
        source: origin.source,
        agent: origin.agent,
      }
      const revoked = await app.store.apiKeys.revoke(args.id, user.id, event)
      if (!revoked)
        throw new ConfigError([
          `${args.user} has no live key ${args.id}. List them: freddy-auth keys list`,
        ])
      say(`${args.id} is revoked.`)
    }),
})

const addSecretCommand = defineCommand({
  meta: {
    name: 'rotate',
    description: 'Put a new secret before the old ones; nobody is logged out',
  },
  run() {
    const config = readConfig()
    if (config.secretKey)
      fail(new ConfigError(['SECRET_KEY: put the new one before it, with a space between.']))
    addSecret(config.secretKeyFile ?? join(config.dataDir, 'secret.key'))
    say('A new secret stands first. Restart the server; drop the last one after 30 days.')
  },
})

const checkAudit = defineCommand({
  meta: { name: 'check', description: 'Follow the chain of the audit trail' },
  run: () =>
    operate(async ({ app }) => {
      while ((await sealEvents(app.store.audit)) > 0);
      const broken = await findBrokenSeal(app.store.audit)
      if (broken !== null)
        throw new ConfigError([`The audit trail was changed at position ${broken}.`])
      say('The audit trail is whole.')
    }),
})

export const usersCommand = defineCommand({
  meta: { name: 'users', description: 'Accounts' },
  subCommands: { add: addUser },
})

export const keysCommand = defineCommand({
  meta: { name: 'keys', description: 'API keys' },
  subCommands: { create: createKey, list: listKeys, revoke: revokeKey },
})

export const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'The root of every key' },
  subCommands: { rotate: addSecretCommand },
})

export const auditCommand = defineCommand({
  meta: { name: 'audit', description: 'The trail of decisions' },
  subCommands: { check: checkAudit },
})
