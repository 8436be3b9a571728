import { ApiError, AuthenticationError, NotSignedInError } from '../errors.ts'

/** What a script can tell from how a command ended. */
export const exits = { failure: 1, wrongWords: 2, signIn: 4 } as const

/** For every command. */
export const common = {
  json: { type: 'boolean', description: 'Print JSON', default: false },
  server: { type: 'string', description: 'Address of the server (FREDDY_SERVER)' },
} as const

export interface Common {
  readonly json: boolean
  readonly server?: string | undefined
}

/** A typing mistake must not pass for an option left out. */
export class WrongWords extends Error {
  override readonly name = 'CLIError'
}

/** A failure that is a sentence for a person; its stack is nobody's business. */
export class Complaint extends Error {
  override readonly name = 'Complaint'
}

/** What was asked for: to standard output, and nothing else goes there. */
export function answer({ json }: Common, told: unknown, ...lines: readonly string[]): void {
  const all = json ? [JSON.stringify(told, null, 2)] : lines
  for (const line of all) process.stdout.write(`${line}\n`)
}

/** What is said beside it, to whoever sits there. */
export function talk(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Runs a command; a problem is one sentence, and a number that scripts understand. */
export async function run(args: Common, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof WrongWords) throw cause
    if (args.json) talk(JSON.stringify({ error: forPrograms(cause) }))
    else talk(paint('red', sentenceOf(cause, args)))
    process.exitCode = needsSignIn(cause) ? exits.signIn : exits.failure
  }
}

function sentenceOf(cause: Error, { server }: Common): string {
  const there = server ? ` --server ${server}` : ''
  if (cause instanceof NotSignedInError) return `You are not signed in: freddy login${there}`
  if (!(cause instanceof ApiError)) return cause.message
  const { message, retryAfter, reason, requestId, status } = cause
  const parts = [
    reason ? `${message} (${reason})` : message,
    ...('fields' in cause ? (cause.fields as { field: string; message: string }[]) : []).map(
      ({ field, message }) => `${field}: ${message}`,
    ),
    ...(retryAfter === null ? [] : [`Try again in ${retryAfter} s`]),
    ...(status >= 500 && requestId ? [`Tell the operator ${requestId}`] : []),
  ]
  return parts.map((part) => part.replace(/\.$/, '')).join('. ')
}

function forPrograms(cause: Error) {
  if (!(cause instanceof ApiError)) return { code: codeOf(cause), message: cause.message }
  const { code, message, status, retryAfter, requestId, details } = cause
  return { code, message, status, retry_after: retryAfter, request_id: requestId, details }
}

/** `NotSignedInError` is `NOT_SIGNED_IN`. */
function codeOf({ name }: Error): string {
  const words = name.replace(/Error$/, '').replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
  return (words || 'FAILED').toUpperCase()
}

function needsSignIn(cause: Error): boolean {
  return cause instanceof NotSignedInError || cause instanceof AuthenticationError
}

const colours = { red: 31, green: 32, dim: 2, bold: 1 } as const

/** In colour where somebody sees it. */
export function paint(
  colour: keyof typeof colours,
  text: string,
  to: { readonly isTTY?: boolean } = process.stderr,
): string {
  if (!to.isTTY || process.env.NO_COLOR) return text
  return `\u001b[${colours[colour]}m${text}\u001b[0m`
}

const SECOND = 1000
let isWaiting = false

/** Says what is waited for, on a terminal, when it takes longer than a second; what is part of it says nothing more. */
export async function waiting<T>(what: () => string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY || isWaiting) return work
  isWaiting = true
  const clock = setInterval(() => process.stderr.write(`\r\u001b[K${what()} …`), SECOND)
  try {
    return await work
  } finally {
    isWaiting = false
    clearInterval(clock)
    process.stderr.write('\r\u001b[K')
  }
}

/** Columns that stand under each other. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, place) =>
    Math.max(...rows.map((row) => row[place]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, place) => cell.padEnd(widths[place] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
