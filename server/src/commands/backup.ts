import { defineCommand } from 'citty'
import { openRestorer } from '../app.ts'
import { allowed } from '../auth/audit.ts'
import { readBackup, writeBackup } from '../backup-file.ts'
import { ConfigError } from '../config.ts'
import type { Restored } from '../store/backup.ts'
import { BACKUP_SETTING } from '../store/settings.ts'
import { answer, json, operate, origin } from './shell.ts'

const file = { type: 'positional', description: 'The file', required: true } as const

export const backupCommand = defineCommand({
  meta: { name: 'backup', description: 'Everything in one file, while the server runs' },
  args: { file, json },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const now = app.now()
      const snapshot = await app.store.backup.snapshot()
      writeBackup(args.file, { keyring: app.keyring, snapshot, now })
      await app.store.settings.put(BACKUP_SETTING, String(now))
      await app.store.audit.record(allowed({ now, origin }, 'backup.made', { actor: 'shell' }))
      answer(
        args,
        { file: args.file, rows: snapshot.rows.length },
        `${args.file} holds ${snapshot.rows.length} rows. Keep the secret apart from it.`,
      )
    }),
})

export const restoreCommand = defineCommand({
  meta: { name: 'restore', description: 'A backup into an empty database' },
  args: { file, json },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const snapshot = readBackup(args.file, app.keyring)
      const event = allowed({ now: app.now(), origin }, 'database.restored', { actor: 'shell' })
      const outcome = await app.store.backup.restore(snapshot, event)
      if (outcome !== 'restored') throw new ConfigError([refusals[outcome]])
      answer(
        args,
        { rows: snapshot.rows.length },
        `${snapshot.rows.length} rows are back. Every session, code and link has ended.`,
        ...keysArePaused,
      )
    }, openRestorer),
})

export const restoredCommand = defineCommand({
  meta: {
    name: 'restored',
    description: 'Closes what a database opens that was restored by other means',
  },
  args: {
    confirm: { type: 'boolean', description: 'Do it; without, it is only told', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app, checkSecret }) => {
      await checkSecret()
      const { backup } = app.store
      const open = await backup.countOpen()
      const told = `${open.sessions} sessions and ${open.apiKeys} API keys`
      if (!args.confirm) {
        answer(
          args,
          { ...open, closed: false },
          `It would end or pause ${told}, and all codes and links. Do it:`,
          'freddy-auth restored --confirm',
        )
        return
      }
      await backup.close(
        allowed({ now: app.now(), origin }, 'database.restored', { actor: 'shell' }),
      )
      answer(args, { ...open, closed: true }, `${told} ended or are paused.`, ...keysArePaused)
    }, openRestorer),
})

const keysArePaused = [
  'API keys are paused. See them: freddy-auth keys list --user …',
  'Resume one: freddy-auth keys resume KEY --user …',
]

const refusals: Readonly<Record<Exclude<Restored, 'restored'>, string>> = {
  'not empty':
    'The database is not empty. Restore into a new one: another DATA_DIR or DATABASE_URL.',
  newer: 'The backup was made by a newer server. Restore it with that one.',
  older:
    'The backup was made by a server too old for this one. Restore it with that one, then update.',
}
