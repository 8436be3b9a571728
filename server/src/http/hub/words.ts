import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../../config.ts'
import { readCookie } from './cookies.ts'

const folder = new URL('../../../../hub/words/', import.meta.url)

type PageWords = typeof import('../../../../hub/words/en/pages.json')
/** A sentence of the sign-in pages. */
export type Word = Exclude<keyof PageWords, 'errors'>
export type ErrorWord = keyof PageWords['errors']

const wordsOf: ReadonlyMap<string, PageWords> = new Map(
  readdirSync(folder).map((language) => [
    language,
    JSON.parse(readFileSync(new URL(`${language}/pages.json`, folder), 'utf8')) as PageWords,
  ]),
)
export const languages: readonly string[] = [...wordsOf.keys()]
const STANDARD = 'en'

/** Values that stand in a sentence as `{name}`. */
export type Values = Readonly<Record<string, string | number>>

/** The language that the person chose, else the first that their browser asks for and we have. */
export function languageOf(config: Config, headers: IncomingHttpHeaders): string {
  const chosen = readCookie(config, headers, 'language') ?? ''
  if (wordsOf.has(chosen)) return chosen
  const asked = String(headers['accept-language'] ?? '')
    .split(',', 10)
    .map((each) => each.trim().slice(0, 2).toLowerCase())
  return asked.find((language) => wordsOf.has(language)) ?? STANDARD
}

/** A sentence in this language. */
export function say(language: string, word: Word, values: Values = {}): string {
  return fill(wordsFor(language)[word], values)
}

/** What an error means to whoever reads the page, and what to do. */
export function sayError(language: string, word: ErrorWord, values: Values = {}): string {
  return fill(wordsFor(language).errors[word], values)
}

export function isErrorWord(code: string): code is ErrorWord {
  return Object.hasOwn(wordsFor(STANDARD).errors, code)
}

function wordsFor(language: string): PageWords {
  const words = wordsOf.get(language) ?? wordsOf.get(STANDARD)
  if (!words) throw new Error('hub/words holds no English')
  return words
}

function fill(sentence: string, values: Values): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
