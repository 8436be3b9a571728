import { readFileSync } from 'node:fs'
import Handlebars from 'handlebars'

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

/** What a letter may speak of. */
export interface LetterFacts {
  readonly code?: string
  /** What the code is for. */
  readonly purpose?: string
  /** What the code does, where its purpose alone does not tell. */
  readonly deed?: string
  /** How long the code lives yet. */
  readonly minutes?: number
  /** The page of ours that undoes it, or goes on without the code. */
  readonly link?: string
  /** What changed about the ways to sign in. */
  readonly change?: keyof typeof changes
  /** The API key it is about, as its owner knows it. */
  readonly key?: string
  /** When that ends, and when it was last used; null for never. */
  readonly endsAt?: number
  readonly usedAt?: number | null
  /** Where a leaked key was found, as somebody said; from when on it is looked at, and what it did since. */
  readonly place?: string
  readonly since?: number
  readonly deeds?: string
  /** The keys that were paused for it; empty when none was. */
  readonly paused?: string
  /** Where it happened, with which program, and when. */
  readonly address: string
  readonly agent: string
  readonly at: number
}

export interface Words {
  readonly subject: string
  readonly text: string
  readonly html: string
}

const MOST_USER_TEXT = 64
const occasions: Readonly<Record<string, string>> = {
  login: 'sign in',
  registration: 'finish your registration',
  password_reset: 'choose another password',
  email_change: 'use this address for your account',
}

const changes = {
  'totp-added': 'An authenticator app was added.',
  'totp-removed': 'The authenticator app was removed.',
  'passkey-added': 'A passkey was added.',
  'passkey-removed': 'A passkey was removed.',
  'recovery-codes-made': 'New recovery codes were made; the old ones have ended.',
  'recovery-code-used': 'A recovery code was used to sign in. Each works once.',
} as const

interface Templates {
  readonly text: HandlebarsTemplateDelegate
  readonly html: HandlebarsTemplateDelegate
}

const templates = new Map<LetterName, Templates>(letters.map((name) => [name, compile(name)]))
const frame = Handlebars.compile(read('frame.html.hbs'), { strict: true })

/** The words of a letter. The first line of its text is the subject; in HTML everything is escaped. */
export function renderLetter(name: LetterName, facts: LetterFacts): Words {
  const { text, html } = templates.get(name) ?? compile(name)
  const said = {
    ...facts,
    code: facts.code ?? '',
    link: facts.link ?? '',
    isLogin: facts.purpose === 'login',
    isReset: facts.purpose === 'password_reset',
    minutes: facts.minutes ?? 0,
    change: facts.change ? changes[facts.change] : '',
    isRaise: facts.purpose === 'budget_raise',
    occasion: facts.deed ?? occasions[facts.purpose ?? ''] ?? 'go on',
    agent: [...facts.agent].slice(0, MOST_USER_TEXT).join('') || 'an unknown program',
    time: sayMoment(facts.at),
    key: facts.key ?? '',
    ends: sayMoment(facts.endsAt ?? 0),
    used: facts.usedAt ? sayMoment(facts.usedAt) : '',
    place: facts.place ?? '',
    sinceTime: sayMoment(facts.since ?? 0),
    deeds: facts.deeds ?? '',
    paused: facts.paused ?? '',
  }
  const [first = '', ...lines] = text(said).split('\n')
  const subject = first.replace(/^Subject: /, '')
  return { subject, text: lines.join('\n').trim(), html: frame({ subject, body: html(said) }) }
}

function sayMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function compile(name: LetterName): Templates {
  return {
    text: Handlebars.compile(read(`${name}.txt.hbs`), { strict: true, noEscape: true }),
    html: Handlebars.compile(read(`${name}.html.hbs`), { strict: true }),
  }
}

function read(file: string): string {
  return readFileSync(new URL(`./letters/${file}`, import.meta.url), 'utf8')
}
