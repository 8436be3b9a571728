import { defineCommand } from 'citty'
import { findBrokenSeal, sealEvents } from '../auth/audit-chain.ts'
import { ConfigError } from '../config.ts'
import { operate, say } from './shell.ts'

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

export const auditCommand = defineCommand({
  meta: { name: 'audit', description: 'The trail of decisions' },
  subCommands: { check: checkAudit },
})
