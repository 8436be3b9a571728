import type { App, Call } from '../context.ts'
import type { BudgetName } from '../limits.ts'
import type { LetterFacts, LetterName } from '../mail/letters.ts'
import type { Composition } from '../mail/outbox.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { NewLetter, OutboxRow } from '../store/outbox.ts'
import type { Told } from '../store/told.ts'
import type { UserRow } from '../store/users.ts'
import { counter, takeTry } from './budget.ts'
import { codeOf } from './challenge.ts'
import { programName } from './device-name.ts'
import { challengeLink, newLink } from './link.ts'
import { randomId } from './random.ts'
import { seal, unseal } from './seal.ts'
import { stopUrl } from './unwanted.ts'

/** Letters that tell an owner what happened. */
export type Notice = Exclude<LetterName, 'code'>

/** What a letter says beside where and when. */
export type About = Pick<LetterFacts, 'change'>

const NOTICE_LIFE_MS = 24 * 3_600_000

/** Letters that offer "this was not me" to their reader. */
const disownable: ReadonlySet<Notice> = new Set<Notice>([
  'new-place',
  'new-device',
  'session-moved',
  'wrong-codes',
  'login-hammered',
  'factors',
  'password-changed',
  'password-reset',
])

/** The letter that tells an owner what happened, with the way to undo it. */
export function noticeOf(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  owner: Pick<UserRow, 'id' | 'address'>,
  letter: Notice,
  about: About = {},
): Told {
  const { app, now } = call
  const link = disownable.has(letter) ? newLink(app, 'not-me', { userId: owner.id, now }) : null
  const words = ownerLetter(call, owner.address, letter, {
    ...about,
    ...(link ? { link: link.url } : {}),
  })
  return { letters: [{ ...words, userId: owner.id }], links: link ? [link.row] : [] }
}

/** A letter whose words wait sealed in the outbox. */
export function ownerLetter(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  to: string,
  letter: Notice,
  more: Partial<LetterFacts> = {},
): NewLetter {
  const { app, origin, now } = call
  const agent = programName(origin.agent)
  const language = app.letterTexts.choose(origin.languages)
  const where = { address: origin.address, agent, at: now, ...(language ? { language } : {}) }
  const facts: LetterFacts = { ...where, ...more }
  return {
    id: randomId('mail_'),
    letter,
    challengeId: null,
    sealed: seal(app.keyring, JSON.stringify({ to, facts } satisfies Composition)),
    createdAt: now,
    expiresAt: now + NOTICE_LIFE_MS,
  }
}

/** Letters that go out once a day at most, however often their reason comes. */
const daily: Partial<Record<Notice, BudgetName>> = {
  'wrong-codes': 'wrong-code-mails',
  'login-hammered': 'hammered-mails',
  'reset-needed': 'reset-needed-mails',
}

/**
 * The word to whoever has this address already, once a day at most; `otherwise` where nobody has. A stranger's address is
 * counted as an owner's is: a statement less would tell them apart (security rule 8).
 */
export async function letterTo(
  call: Call,
  owner: Pick<UserRow, 'id'> | null,
  address: string,
  otherwise: NewLetter,
): Promise<NewLetter | null> {
  const { app, now } = call
  const userId = owner?.id ?? null
  const mails = counter(app, 'account-exists-mails', [userId ?? address], userId)
  const due = (await takeTry(app, [mails], now)) === 0
  if (!userId) return otherwise
  return due ? { ...ownerLetter(call, address, 'already-registered'), userId } : null
}

async function isDue(call: Call, ownerId: string, letter: Notice): Promise<boolean> {
  const { app, now } = call
  const name = daily[letter]
  if (!name) return true
  return (await takeTry(app, [counter(app, name, [ownerId], ownerId)], now)) === 0
}

/** Tells the owner of an account what happened on it. */
export async function writeToOwner(
  call: Call,
  owner: Pick<UserRow, 'id' | 'address'>,
  letter: Notice,
  about: About = {},
): Promise<void> {
  const { app } = call
  if (!(await isDue(call, owner.id, letter))) return
  const { letters, links } = noticeOf(call, owner, letter, about)
  for (const link of links) await app.store.links.keep(link)
  for (const due of letters) await app.store.outbox.queue(due)
  app.outbox.poke()
}

/** The words of a letter at the moment it is sent; null when its reason is over. */
export async function compose(app: App, row: OutboxRow, now: number): Promise<Composition | null> {
  if (row.challenge_id) return composeCode(app, row.challenge_id, now)
  const text = row.sealed && unseal(app.keyring, row.sealed)
  if (!text) return null
  const composed = JSON.parse(text) as Composition
  return { ...composed, language: await languageFor(app, row.user_id, composed.facts.language) }
}

/** Codes for addresses that may be anybody's. */
const unproven: ReadonlySet<string> = new Set(['registration', 'email_change'])

async function composeCode(
  app: App,
  challengeId: string,
  now: number,
): Promise<Composition | null> {
  const challenge = await app.store.challenges.find([challengeId])
  if (!challenge || challenge.consumed_at !== null || challenge.ended_at !== null) return null
  const code = codeOf(app, challenge)
  if (!code || now >= challenge.code_expires_at) return null
  return {
    to: challenge.address,
    language: await languageFor(app, challenge.user_id, challenge.language),
    facts: {
      code,
      purpose: challenge.purpose,
      ...(await raiseOf(app, challenge)),
      link: challengeLink(app, challenge)?.url ?? '',
      ...(unproven.has(challenge.purpose) ? { stop: stopUrl(app, challenge.address) } : {}),
      minutes: Math.ceil((challenge.code_expires_at - now) / 60_000),
      address: challenge.source,
      agent: programName(challenge.agent),
      at: challenge.created_at,
    },
  }
}

/** An owner is written to in the language of their last sign-in, not in that of whoever tries their account. */
async function languageFor(
  app: App,
  userId: string | null,
  asked: string | null = null,
): Promise<string | null> {
  const user = userId ? await app.store.users.find(userId) : null
  return user?.language ?? asked
}

/** What a code raises: whoever reads it must know what they allow. */
async function raiseOf(
  app: App,
  { id, purpose }: ChallengeRow,
): Promise<Pick<LetterFacts, 'key' | 'raise'>> {
  const raise = purpose === 'budget_raise' ? await app.store.raises.findByChallenge(id) : null
  if (!raise) return {}
  const { limit_name, amount, key_name: key } = raise
  const [unit = '', , period = ''] = limit_name.split('_')
  return { key, raise: { more: unit === 'money' ? amount / 1_000_000 : amount, unit, period } }
}
