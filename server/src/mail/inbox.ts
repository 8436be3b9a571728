import { randomBytes } from 'node:crypto'
import type { Mail, Mailer } from './mailer.ts'

const MOST_KEPT = 100

export interface KeptMail extends Mail {
  readonly at: number
}

/** Where mail lands while no mail server is configured: in memory, and in the terminal. */
export interface Inbox extends Mailer {
  /** Opens `/dev/inbox`; another one at each start. */
  readonly word: string
  /** Newest first. */
  mails(): readonly KeptMail[]
}

export function createInbox({
  print,
  now,
}: {
  print: (line: string) => void
  now: () => number
}): Inbox {
  const kept: KeptMail[] = []
  return {
    word: randomBytes(12).toString('base64url'),
    mails: () => kept,
    async send(mail) {
      kept.unshift({ ...mail, at: now() })
      kept.length = Math.min(kept.length, MOST_KEPT)
      print(`  ✉  ${mail.subject}  →  ${mail.to}`)
    },
    close() {},
  }
}
