export const letters = [
  'code',
  'already-registered',
  'wrong-codes',
  'login-hammered',
  'new-place',
  'new-device',
  'session-moved',
  'password-changed',
  'password-reset',
  'reset-needed',
  'invitation',
  'factors',
  'key-ending',
  'old-secret-in-use',
  'key-leaked',
  'canary-used',
  'panic',
  'email-changed',
  'farewell',
  'webhook-paused',
  'test',
] as const
export type LetterName = (typeof letters)[number]

/** What changed about the ways to sign in. */
export type FactorChange =
  | 'totp-added'
  | 'totp-removed'
  | 'passkey-added'
  | 'passkey-removed'
  | 'recovery-codes-made'
  | 'recovery-code-used'

/** What a letter may speak of. */
export interface LetterFacts {
  readonly code?: string
  /** What the code is for. */
  readonly purpose?: string
  /** What a code raises: how much more, in which unit, in which period; `key` says of what. */
  readonly raise?: { readonly more: number; readonly unit: string; readonly period: string }
  /** How long the code lives yet. */
  readonly minutes?: number
  /** The page of ours that undoes it, or goes on without the code. */
  readonly link?: string
  /** The page of ours where somebody without an account says that they want no such letters. */
  readonly stop?: string
  readonly change?: FactorChange
  /** The API key it is about, as its owner knows it. */
  readonly key?: string
  /** When that ends, and when it was last used; null for never. */
  readonly endsAt?: number
  readonly usedAt?: number | null
  /** Where a leaked key was found, as somebody said, or where events go; from when on it is looked at, and what it did since. */
  readonly place?: string
  readonly since?: number
  readonly calls?: number
  readonly models?: string
  readonly tokens?: number
  /** Whether an endpoint said that it is gone for good; `place` says which. */
  readonly isGone?: boolean
  /** The keys that were paused for it; empty when none was. */
  readonly paused?: string
  /** Where it happened, with which program, and when. */
  readonly address: string
  readonly agent: string
  readonly at: number
  /** The language of whoever caused it, where they said one that there are texts in. */
  readonly language?: string
}

/** What the texts are given: every word there is, so that one which is missing is a mistake of the text. */
export interface Said extends Readonly<Record<string, string | number | boolean>> {
  readonly link: string
  readonly stop: string
}

const MOST_USER_TEXT = 64
const UNKNOWN_PROGRAM = 'an unknown program'

/** The facts as the texts speak of them: on one line each, numbers and times as this language writes them. */
export function sayFacts(facts: LetterFacts, sender: string, language: string): Said {
  const { purpose, change, raise, usedAt } = facts
  const number = numbersIn(language)
  const agent = facts.agent === UNKNOWN_PROGRAM ? '' : facts.agent
  return {
    sender: oneLine(sender),
    code: facts.code ?? '',
    link: facts.link ?? '',
    stop: facts.stop ?? '',
    isLogin: purpose === 'login',
    isReset: purpose === 'password_reset',
    isRegistration: purpose === 'registration',
    isEmailChange: purpose === 'email_change',
    isRaise: purpose === 'budget_raise',
    more: number.format(raise?.more ?? 0),
    isTokens: raise?.unit === 'tokens',
    isDaily: raise?.period === 'day',
    minutes: facts.minutes ?? 0,
    totpAdded: change === 'totp-added',
    totpRemoved: change === 'totp-removed',
    passkeyAdded: change === 'passkey-added',
    passkeyRemoved: change === 'passkey-removed',
    recoveryCodesMade: change === 'recovery-codes-made',
    recoveryCodeUsed: change === 'recovery-code-used',
    key: oneLine(facts.key ?? ''),
    ends: sayMoment(facts.endsAt ?? 0),
    used: usedAt ? sayMoment(usedAt) : '',
    place: oneLine(facts.place ?? ''),
    sinceTime: sayMoment(facts.since ?? 0),
    calls: facts.calls ? number.format(facts.calls) : '',
    models: oneLine(facts.models ?? ''),
    tokens: number.format(facts.tokens ?? 0),
    isGone: facts.isGone ?? false,
    paused: oneLine(facts.paused ?? ''),
    address: oneLine(facts.address),
    agent: [...oneLine(agent)].slice(0, MOST_USER_TEXT).join(''),
    time: sayMoment(facts.at),
  }
}

/** To make one takes as long as half of a letter, and there are as many as languages. */
function numbersIn(language: string): Intl.NumberFormat {
  const format = numberFormats.get(language) ?? new Intl.NumberFormat(language)
  numberFormats.set(language, format)
  return format
}
const numberFormats = new Map<string, Intl.NumberFormat>()

/** What somebody chose makes no line of its own: an indented one would look like a code. */
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()

function sayMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
