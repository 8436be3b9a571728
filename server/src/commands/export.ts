import { defineCommand } from 'citty'
import { tellDossier } from '../account/dossier.ts'
import type { Operator } from '../app.ts'
import { allowed } from '../auth/audit.ts'
import { ConfigError } from '../config.ts'
import type { UserRow } from '../store/users.ts'
import { momentOrNull } from '../wire/reply.ts'
import { operate, origin, requireUser, say } from './shell.ts'

const PAGE = 500
const EVERYTHING = 1_000_000_000

export const exportCommand = defineCommand({
  meta: {
    name: 'export',
    description: 'Everything about one person, or all accounts as JSON lines',
  },
  args: {
    user: { type: 'positional', description: 'E-mail address, user name or id', required: false },
    all: { type: 'boolean', description: 'Every account, a line each', default: false },
    'with-hashes': {
      type: 'boolean',
      description: 'With --all: the password hashes too',
      default: false,
    },
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const { user, all } = args
      if (all === (user !== undefined)) throw new ConfigError(['Name one person, or say --all.'])
      if (args['with-hashes'] && !all) throw new ConfigError(['--with-hashes goes with --all.'])
      if (user === undefined) return exportAll(operator, args['with-hashes'])
      return exportOne(operator, user)
    }),
})

async function exportOne(operator: Operator, name: string): Promise<void> {
  const { app } = operator
  const { id } = (await app.store.users.find(name)) ?? (await requireUser(operator, name))
  const now = app.now()
  const told = await tellDossier(app, id, EVERYTHING, now)
  const about = { userId: id, actor: 'shell' }
  await app.store.audit.record(allowed({ now, origin }, 'account.exported', about))
  say(JSON.stringify(told, null, 2))
}

async function exportAll({ app }: Operator, withHashes: boolean): Promise<void> {
  const reason = withHashes ? 'all with_hashes' : 'all'
  const event = allowed({ now: app.now(), origin }, 'account.exported', { reason, actor: 'shell' })
  await app.store.audit.record(event)
  let after: string | null = null
  for (;;) {
    const query = { address: null, namePrefix: null, after, most: PAGE }
    const rows: UserRow[] = await app.store.roster.list(query)
    for (const row of rows) say(JSON.stringify(line(row, withHashes)))
    after = rows.at(-1)?.id ?? null
    if (after === null) return
  }
}

function line(user: UserRow, withHashes: boolean) {
  return {
    format: 'freddy-auth/account/1',
    id: user.id,
    email: user.address,
    username: user.user_name,
    full_name: user.full_name,
    role: user.role,
    created_at: momentOrNull(user.created_at),
    updated_at: momentOrNull(user.updated_at),
    last_login_at: momentOrNull(user.last_login_at),
    disabled_at: momentOrNull(user.disabled_at),
    reset_required_at: momentOrNull(user.reset_required_at),
    ...(withHashes ? { password_hash: user.password_hash } : {}),
  }
}
