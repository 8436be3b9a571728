import type english from '../words/en/app.json'

export type Words = typeof english
export type Word = keyof Words

let language = 'en'
let words: Words

/** Said once, before anything is shown. */
export function speak(spoken: string, said: Words): void {
  language = spoken
  words = said
}

/** A sentence in the reader's language; values stand in it as `{name}`. */
export function say(word: Word, values: Readonly<Record<string, string | number>> = {}): string {
  return words[word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

export function isWord(text: string): text is Word {
  return Object.hasOwn(words, text)
}

export const number = (value: number) => new Intl.NumberFormat(language).format(value)

/** A moment in the reader's zone, e.g. "25 Nov 2026, 14:05". */
export function moment(iso: string): string {
  const format = { dateStyle: 'medium', timeStyle: 'short' } as const
  return new Intl.DateTimeFormat(language, format).format(new Date(iso))
}

export function day(iso: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(new Date(iso))
}

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** How long ago, or how long until, in words. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000)
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const [unit, size] = steps.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1]
  return unit === 'second'
    ? format.format(0, 'second')
    : format.format(Math.trunc(seconds / size), unit)
}

const units: readonly [unit: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** A stretch of time in its largest whole unit, e.g. "15 minutes". */
export function span(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms % each === 0) ?? ['second', 1000]
  const format = { style: 'unit', unit, unitDisplay: 'long' } as const
  return new Intl.NumberFormat(language, format).format(ms / size)
}
