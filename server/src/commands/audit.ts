import { defineCommand } from 'citty'
import { findBrokenSeal, sealEvents } from '../auth/audit-chain.ts'
import { ConfigError } from '../config.ts'
import type { AuditRow } from '../store/audit.ts'
import { follow } from './follow.ts'
import { answer, json, operate, requireUser, say } from './shell.ts'

const PAGE = 500

const verifyAudit = defineCommand({
  meta: { name: 'verify', alias: 'check', description: 'Follow the chain of the audit trail' },
  args: { json },
  run: ({ args }) =>
    operate(async ({ app }) => {
      while ((await sealEvents(app.store.audit)) > 0);
      const broken = await findBrokenSeal(app.store.audit)
      if (args.json) answer(args, { whole: broken === null, broken_at: broken })
      if (broken !== null)
        throw new ConfigError([`The audit trail was changed at position ${broken}.`])
      if (!args.json) say('The audit trail is whole.')
    }),
})

const tailAudit = defineCommand({
  meta: { name: 'tail', description: 'The latest decisions, newest last' },
  args: {
    lines: { type: 'string', description: 'How many', default: '20' },
    user: { type: 'string', description: 'About this person only' },
    follow: { type: 'boolean', description: 'Go on as they come, until Ctrl-C', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const most = Number(args.lines)
      if (!(Number.isInteger(most) && most >= 1 && most <= 1000))
        throw new ConfigError(['--lines takes 1 to 1000.'])
      const userId = args.user ? (await requireUser(operator, args.user)).id : null
      const { audit } = operator.app.store
      const tell = (row: AuditRow) => say(args.json ? JSON.stringify(row) : line(row))
      const interrupted = args.follow ? interruption() : null
      const told = await audit.listRecent({ userId, since: 0, most })
      for (const row of told) tell(row)
      if (interrupted) await follow(audit, { userId, told }, tell, interrupted)
    }),
})

/** Ctrl-C, or a reader that went away: both are the usual end. */
function interruption(): AbortSignal {
  const ending = new AbortController()
  const end = () => ending.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, end)
  process.stdout.once('error', end)
  return ending.signal
}

const exportAudit = defineCommand({
  meta: { name: 'export', description: 'The whole trail as JSON lines, in the order of its chain' },
  run: () =>
    operate(async ({ app }) => {
      while ((await sealEvents(app.store.audit)) > 0);
      let after = 0
      for (;;) {
        const rows = await app.store.audit.listSealed(after, PAGE)
        for (const row of rows) say(JSON.stringify(row))
        const last = rows.at(-1)
        if (!last) return
        after = last.position ?? after
      }
    }),
})

function line(row: AuditRow): string {
  const when = new Date(row.happened_at).toISOString().replace('T', ' ').slice(0, 19)
  const by = row.actor ? `by ${row.actor}` : (row.source ?? '')
  const why = row.reason ?? ''
  return [when, row.outcome.padEnd(7), row.event.padEnd(24), row.user_id ?? '–', by, why]
    .join('  ')
    .trimEnd()
}

export const auditCommand = defineCommand({
  meta: { name: 'audit', description: 'The trail of decisions' },
  subCommands: { tail: tailAudit, export: exportAudit, verify: verifyAudit },
})
