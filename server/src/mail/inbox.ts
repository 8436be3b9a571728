import { randomBytes } from 'node:crypto'
import type { Siblings } from '../processes/siblings.ts'
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

/** Of several processes each sends some of the mails, and each shows all of them. */
export async function createInbox({
  print,
  now,
  siblings = null,
}: {
  print: (line: string) => void
  now: () => number
  siblings?: Siblings | null
}): Promise<Inbox> {
  const kept: KeptMail[] = []
  const keep = (mail: KeptMail) => {
    kept.unshift(mail)
    kept.length = Math.min(kept.length, MOST_KEPT)
  }
  siblings?.hear('mail', (mail) => keep(mail as KeptMail))
  siblings?.hear('mails', () => kept)
  kept.push(...(await mailsOf(siblings)))
  return {
    word: siblings?.inboxWord ?? randomBytes(12).toString('base64url'),
    mails: () => kept,
    async send(mail) {
      const mine = { ...mail, at: now() }
      keep(mine)
      await siblings?.ask('mail', mine)
      print(`  ✉  ${mail.subject}  →  ${mail.to}`)
    },
    close() {},
  }
}

/** What came before this process did. */
async function mailsOf(siblings: Siblings | null): Promise<readonly KeptMail[]> {
  const told = ((await siblings?.ask('mails', null)) ?? []) as readonly (
    | readonly KeptMail[]
    | null
  )[]
  return told.find((mails) => mails !== null && mails.length > 0) ?? []
}
