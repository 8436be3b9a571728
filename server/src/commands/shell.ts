import { createOperator, type Operator } from '../app.ts'
import { parseEmailAddress } from '../auth/email-address.ts'
import { parseUserName } from '../auth/user-name.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { ApiError } from '../errors.ts'
import { fail } from '../main.ts'
import type { UserRow } from '../store/users.ts'

/** The operator's shell, as the audit trail names it. */
export const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

/** What a command prints: rows for people, JSON for programs. */
export const json = { type: 'boolean', description: 'Print JSON', default: false } as const

/** Runs a command with the store open; a problem is one sentence and exit code 1. */
export async function operate(
  work: (operator: Operator) => Promise<void>,
  open: (config: Config) => Promise<Operator> = createOperator,
): Promise<void> {
  try {
    const operator = await open(readConfig())
    try {
      await work(operator)
    } finally {
      await operator.close()
    }
  } catch (cause) {
    const reason = cause instanceof ApiError ? reasonOf(cause) : undefined
    fail(
      reason ? new ConfigError([`${(cause as Error).message}. ${reason}.`]) : cause,
      'That did not work.',
    )
  }
}

/** Why, or which fields do not fit. */
function reasonOf({ details }: ApiError): string | undefined {
  const fields = details?.fields?.map(({ field, message }) => `${field}: ${message}`)
  return details?.reason ?? fields?.join('; ')
}

/** The same told to a program, or to a person. */
export function answer(
  { json: forProgram }: { readonly json: boolean },
  told: unknown,
  ...lines: readonly string[]
): void {
  for (const line of forProgram ? [JSON.stringify(told, null, 2)] : lines) say(line)
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

export async function requireUser({ app }: Operator, name: string): Promise<UserRow> {
  const address = parseEmailAddress(name)?.address
  const user = address
    ? await app.store.users.findByAddress(address)
    : await app.store.users.findByUserName(parseUserName(name) ?? '')
  if (!user)
    throw new ConfigError([`There is no user ${name}. Make one: freddy-auth users add ${name}`])
  return user
}

/** Cells in columns as wide as their widest. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join('  ')
      .trimEnd(),
  )
}
