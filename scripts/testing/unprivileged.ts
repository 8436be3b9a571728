import { execFileSync } from 'node:child_process'
import { Unprepared } from './unprepared.ts'

/** Options of spawn. Empty where we are not root: then we stay who we are. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

/** PostgreSQL refuses to run as root, so there it runs as Debian's user for it, or as nobody. */
export function unprivileged(): Account {
  if (process.getuid?.() !== 0) return {}
  const account = accountOf('postgres') ?? accountOf('nobody')
  if (account) return account
  throw new Unprepared('PostgreSQL does not run as root: make a user named postgres.')
}

function accountOf(user: string): Account | undefined {
  const uid = numberOf('-u', user)
  const gid = numberOf('-g', user)
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

function numberOf(option: string, user: string): number | undefined {
  try {
    return Number(execFileSync('id', [option, user], { stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return undefined
  }
}
