import { hash as digest } from 'node:crypto'
import { parseEmailAddress } from '../auth/email-address.ts'
import { parseUserName } from '../auth/user-name.ts'
import { readForeignHash, refusalOf } from '../workers/foreign-hash.ts'
import type { ExportRow } from './export-file.ts'
import { formats } from './formats.ts'
import type { Newcomer } from './newcomer.ts'
import type { Import } from './open-import.ts'

export interface Wishes {
  /** Change nothing, and say what would be. */
  readonly isRehearsal: boolean
  /** Nobody brings a user name. */
  readonly withoutNames: boolean
  /** Whose hash cannot be proven here comes in all the same, and chooses a password by mail. */
  readonly resetUnreadable: boolean
}

/** A row that does not come in, and why. */
export interface LeftOut {
  readonly line: number
  readonly address: string
  readonly reason: string
  /** Whether its person is here already, from an earlier run or by themselves. */
  readonly isHere: boolean
}

/** Somebody who fits, as far as the file tells. */
export interface Candidate {
  readonly line: number
  readonly newcomer: Newcomer
  readonly address: string
  readonly userName: string | null
  readonly hash: string | null
  /** Why there is no password to sign in with; null with one. */
  readonly without: string | null
}

export type Judged = Candidate | LeftOut

export function isLeftOut(judged: Judged): judged is LeftOut {
  return 'reason' in judged
}

/** Judges the rows of one file, one after the other; it remembers whom it has met. */
export function createJudge(
  { format, extras }: Import,
  wishes: Wishes,
): (row: ExportRow) => Judged {
  const addresses = new Map<string, number>()
  const userNames = new Map<string, number>()
  return (row) => {
    const newcomer = row.problem ?? formats[format](row.fields, extras)
    if (typeof newcomer === 'string') return leftOut(row, '', newcomer)
    const candidate = judge(row, newcomer, wishes)
    if (isLeftOut(candidate)) return candidate
    const { address, userName } = candidate
    const twice = remember(addresses, address, row.line)
    if (twice) return leftOut(row, address, `stands in the file before, in line ${twice}`)
    const taken = userName && remember(userNames, userName, row.line)
    if (taken) {
      return leftOut(row, address, `the user name ${userName} is that of line ${taken} already`)
    }
    return candidate
  }
}

/** What the row says for itself. */
function judge(row: ExportRow, newcomer: Newcomer, wishes: Wishes): Judged {
  const { address: written, userName: wanted } = newcomer
  if (!written) return leftOut(row, '', 'has no e-mail address')
  const address = parseEmailAddress(written)?.address
  if (!address) return leftOut(row, written, 'is no e-mail address that can be mailed to')
  const userName = nameOf(newcomer, wishes)
  if (userName === undefined) {
    return leftOut(row, address, `the user name ${wanted} is none that one may have here`)
  }
  const password = passwordOf(newcomer, wishes)
  if ('refused' in password) return leftOut(row, address, password.refused)
  return { line: row.line, newcomer, address, userName, ...password }
}

function leftOut({ line }: ExportRow, address: string, reason: string): LeftOut {
  return { line, address, reason, isHere: false }
}

/** Undefined for one that nobody may have here. An address is no user name, and is not missed. */
function nameOf({ userName }: Newcomer, { withoutNames }: Wishes): string | null | undefined {
  if (userName === null || withoutNames || userName.includes('@')) return null
  return parseUserName(userName) ?? undefined
}

function passwordOf(
  { password }: Newcomer,
  { resetUnreadable }: Wishes,
): Pick<Candidate, 'hash' | 'without'> | { refused: string } {
  if ('without' in password) return { hash: null, without: password.without }
  const refused = 'hash' in password ? refusalOfText(password.hash) : password.unreadable
  if ('hash' in password && refused === null) return { hash: password.hash, without: null }
  const reason = refused ?? ''
  return resetUnreadable ? { hash: null, without: reason } : { refused: reason }
}

function refusalOfText(text: string): string | null {
  const read = readForeignHash(text)
  return read ? refusalOf(read) : 'its hash is not whole'
}

/** The line in which this stood before, or null when it is new. Twelve characters of a digest are kept of it. */
function remember(lines: Map<string, number>, text: string, line: number): number | null {
  const short = digest('sha256', text, 'base64url').slice(0, 12)
  const before = lines.get(short)
  if (before === undefined) lines.set(short, line)
  return before ?? null
}
