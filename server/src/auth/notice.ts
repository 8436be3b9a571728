import type { App, Call } from '../context.ts'
import type { BudgetName } from '../limits.ts'
import type { LetterFacts, LetterName } from '../mail/letters.ts'
import type { Composition } from '../mail/outbox.ts'
import type { NewLetter, OutboxRow } from '../store/outbox.ts'
import type { UserRow } from '../store/users.ts'
import { counter, takeTry } from './budget.ts'
import { codeOf } from './challenge.ts'
import { randomId } from './random.ts'
import { seal, unseal } from './seal.ts'

/** Letters that tell an owner what happened. */
export type Notice = Exclude<LetterName, 'code'>

/** What a letter says beside where and when. */
export type About = Pick<LetterFacts, 'change'>

const NOTICE_LIFE_MS = 24 * 3_600_000

/** A letter whose words wait sealed in the outbox. */
function ownerLetter(call: Call, to: string, letter: Notice, about: About): NewLetter {
  const { app, origin, now } = call
  const facts: LetterFacts = { address: origin.address, agent: origin.agent, at: now, ...about }
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
  'already-registered': 'account-exists-mails',
  'wrong-codes': 'wrong-code-mails',
  'login-hammered': 'hammered-mails',
}

/** The letter to an owner, unless it went out within the day already. */
export async function dueLetter(
  call: Call,
  owner: Pick<UserRow, 'id' | 'address'>,
  letter: Notice,
  about: About = {},
): Promise<NewLetter | null> {
  const { app, now } = call
  const name = daily[letter]
  const once = name ? [counter(app, name, [owner.id], owner.id)] : []
  if (once.length && (await takeTry(app, once, now)) > 0) return null
  return ownerLetter(call, owner.address, letter, about)
}

/** Tells the owner of an account what happened on it. */
export async function writeToOwner(
  call: Call,
  owner: Pick<UserRow, 'id' | 'address'>,
  letter: Notice,
  about: About = {},
): Promise<void> {
  const due = await dueLetter(call, owner, letter, about)
  if (!due) return
  await call.app.store.outbox.queue(due)
  call.app.outbox.poke()
}

/** The words of a letter at the moment it is sent; null when its reason is over. */
export async function compose(app: App, row: OutboxRow, now: number): Promise<Composition | null> {
  if (row.challenge_id) return composeCode(app, row.challenge_id, now)
  const text = row.sealed && unseal(app.keyring, row.sealed)
  return text ? (JSON.parse(text) as Composition) : null
}

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
    facts: {
      code,
      purpose: challenge.purpose,
      minutes: Math.ceil((challenge.code_expires_at - now) / 60_000),
      address: challenge.source,
      agent: challenge.agent,
      at: challenge.created_at,
    },
  }
}
