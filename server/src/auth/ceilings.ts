import type { App } from '../context.ts'
import type { Composition, Turn } from '../mail/outbox.ts'
import type { Counter } from '../store/budgets.ts'
import { counter, takeTry } from './budget.ts'
import { parseEmailAddress } from './email-address.ts'
import { isBombing } from './surge.ts'

const MINUTE = 60_000

/** Letters to addresses that nobody has proven: anybody can make the server write them, to whom they like. */
const strangers: ReadonlySet<string> = new Set(['registration', 'email_change'])

/** Where the mailboxes of half the world are: many letters to one of these say nothing about one victim. */
const providers: ReadonlySet<string> = new Set([
  'gmail.com',
  'outlook.com',
  'hotmail.com',
  'live.com',
  'msn.com',
  'yahoo.com',
  'icloud.com',
  'me.com',
  'aol.com',
  'proton.me',
  'protonmail.com',
  'gmx.de',
  'gmx.net',
  'web.de',
  't-online.de',
  'orange.fr',
  'free.fr',
  'qq.com',
  '163.com',
])

/**
 * Counts a letter that is about to go out on its recipient, and one to a stranger on its domain and on the whole server
 * too: in the database, so that all servers keep one ceiling. A letter for which there is no room waits its turn.
 */
export async function takeTurn(
  app: App,
  letter: string,
  { to, facts }: Composition,
  now: number,
): Promise<Turn> {
  const isStranger = letter === 'invitation' || strangers.has(facts.purpose ?? '')
  const { mailbox = to } = parseEmailAddress(to) ?? {}
  const counters = [
    counter(app, 'letters-recipient', [mailbox]),
    ...(isStranger ? await strangerCounters(app, mailbox, now) : []),
  ]
  const waitMs = await takeTry(app, counters, now)
  const giveBack = () => app.store.budgets.giveBack(counters.map(({ key }) => key))
  return { waitMs, giveBack }
}

async function strangerCounters(app: App, mailbox: string, now: number): Promise<Counter[]> {
  const [, domain = ''] = mailbox.split('@')
  const whole = counter(app, 'letters-strangers', [])
  const windows = [{ tries: app.config.mailsPerMinute, withinMs: MINUTE }]
  return [
    { ...whole, budget: { windows } },
    ...(providers.has(domain) ? [] : [counter(app, 'letters-domain', [domain])]),
    ...((await isBombing(app, now)) ? [counter(app, 'letters-suspected', [])] : []),
  ]
}
