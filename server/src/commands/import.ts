import { defineCommand } from 'citty'
import { ConfigError } from '../config.ts'
import { missingParameters, readFirebaseParameters } from '../import/firebase-parameters.ts'
import { importUsers } from '../import/import-users.ts'
import type { LeftOut } from '../import/judge.ts'
import { formatNames, openImport } from '../import/open-import.ts'
import { type Tally, total } from '../import/tally.ts'
import { json, operate, origin, say } from './shell.ts'

const optional = (description: string) => ({ type: 'string', description }) as const
const flag = (description: string) => ({ type: 'boolean', description, default: false }) as const

export const importCommand = defineCommand({
  meta: {
    name: 'import',
    description: 'People from the export of another server, with their passwords',
  },
  args: {
    file: {
      type: 'positional',
      description: 'The export: CSV, JSON or JSON lines',
      required: true,
    },
    format: { type: 'string', description: formatNames.join(', '), default: 'auto' },
    rehearse: flag('Change nothing; say what would happen, and which rows would not come in'),
    'allow-partial': flag('End with 0 although rows were left out'),
    'reset-unreadable': flag(
      'Let those in whose hash is of no known kind; they choose a password by mail',
    ),
    'without-names': flag('Bring no user names'),
    'firebase-parameters': optional('A file with the hash_config of the Firebase console'),
    'firebase-signer-key': optional('base64_signer_key, instead of the file'),
    'firebase-salt-separator': optional('base64_salt_separator; Bw== when not given'),
    'firebase-rounds': optional('rounds; 8 when not given'),
    'firebase-mem-cost': optional('mem_cost; 14 when not given'),
    json: { ...json, description: 'Print JSON lines: the rows left out, and the sums last' },
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const firebase = readFirebaseParameters(args['firebase-parameters'], {
        signerKey: args['firebase-signer-key'],
        saltSeparator: args['firebase-salt-separator'],
        rounds: args['firebase-rounds'],
        memCost: args['firebase-mem-cost'],
      })
      const now = app.now()
      const from = await openImport(args.file, args.format, { firebase, now })
      const { format } = from
      if (format === 'firebase' && !firebase && !args['reset-unreadable']) throw missingParameters()
      const wishes = {
        isRehearsal: args.rehearse,
        withoutNames: args['without-names'],
        resetUnreadable: args['reset-unreadable'],
      }
      const tell = args.json ? tellProgram : tellPerson
      const acting = { app, origin, now, actor: 'shell' }
      const tally = await importUsers(acting, from, wishes, tell)
      if (tally.rows === 0)
        throw new ConfigError([`${args.file} holds no people that ${format} exports.`])
      if (args.json) say(JSON.stringify({ format, rehearsal: args.rehearse, ...sums(tally) }))
      else for (const line of summary(tally, format, args.rehearse)) say(line)
      if (tally.left > 0 && !args['allow-partial']) process.exitCode = 1
    }),
})

function tellProgram({ line, address, reason, isHere }: LeftOut): void {
  say(JSON.stringify({ line, email: address, reason, state: isHere ? 'here' : 'left_out' }))
}

function tellPerson({ line, address, reason }: LeftOut): void {
  say(`line ${line}: ${[address, reason].filter(Boolean).map(shown).join(': ')}`)
}

/** What came out of a file, without what a terminal would obey. */
const shown = (text: string) => text.replace(/[\p{C}\u2028\u2029]/gu, '?').slice(0, 200)

function sums(tally: Tally) {
  return {
    ...tally,
    withPassword: undefined,
    withoutPassword: undefined,
    with_password: Object.fromEntries(tally.withPassword),
    without_password: Object.fromEntries(tally.withoutPassword),
  }
}

function summary(tally: Tally, format: string, isRehearsal: boolean): string[] {
  const row = (count: number, text: string) => `${String(count).padStart(9)}  ${text}`
  const would = isRehearsal ? 'would come in' : 'came in'
  return [
    isRehearsal ? `A rehearsal of ${format}: nothing was changed.` : `Read as ${format}.`,
    row(tally.arrived, `of ${tally.rows} ${would}`),
    row(
      total(tally.withPassword),
      `of them sign in with their old password${listed(tally.withPassword)}`,
    ),
    row(total(tally.withoutPassword), `choose a new one by mail${listed(tally.withoutPassword)}`),
    row(tally.unproven, 'have an address that was not proven there; the first code does'),
    row(tally.disabled, 'are disabled'),
    row(tally.here, 'have an account here already, and keep it as it is'),
    row(tally.left, isRehearsal ? 'would be left out' : 'were left out'),
    ...(tally.left > 0
      ? [
          'The lines above say why. Mend the file and run it again: nobody comes in twice. Or accept it: --allow-partial',
          'For hashes and user names that do not fit: --reset-unreadable, --without-names',
        ]
      : []),
  ]
}

function listed(counts: ReadonlyMap<string, number>): string {
  const parts = [...counts].map(([name, count]) => `${name} ${count}`)
  return parts.length > 0 ? ` (${parts.join(', ')})` : ''
}
