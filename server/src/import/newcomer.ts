import type { Fields } from './export-file.ts'

/** A person as an export tells of them, before anybody looked whether they fit here. */
export interface Newcomer {
  /** As it is written there. */
  readonly address: string
  readonly userName: string | null
  readonly fullName: string | null
  /** Whether the other server had the address proven; a mailed code proves it here in any case. */
  readonly isProven: boolean
  readonly isDisabled: boolean
  readonly createdAt: number | null
  readonly password: ForeignPassword
}

/** A hash as it is kept here; or none, and why. */
export type ForeignPassword =
  | { readonly hash: string }
  /** There was none to bring: its owner chooses one by mail. */
  | { readonly without: string }
  /** There is one that cannot be proven here. */
  | { readonly unreadable: string }

/** The cells and values of a row, read leniently: exports write the same thing in many ways. */
export function textOf(fields: Fields, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = fields[name]
    if (typeof value === 'number') return String(value)
    if (typeof value !== 'string') continue
    const text = value.trim()
    if (text && !/^(null|undefined|\\N)$/i.test(text)) return text
  }
  return null
}

export function isTrue(fields: Fields, ...names: readonly string[]): boolean {
  return names.some(
    (name) => fields[name] === true || /^(true|t|1|yes)$/i.test(String(fields[name])),
  )
}

/** A moment in milliseconds, from ISO 8601, PostgreSQL's spelling of it, or a number of seconds or milliseconds. */
export function momentOf(fields: Fields, ...names: readonly string[]): number | null {
  const text = textOf(fields, ...names)
  if (text === null) return null
  const number = /^\d{9,14}$/.test(text) ? Number(text) : null
  if (number !== null) return number < 100_000_000_000 ? number * 1000 : number
  const iso = text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00')
  const parsed = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/i.test(iso) ? iso : `${iso}Z`)
  return Number.isNaN(parsed) ? null : parsed
}

export function joinNames(...names: readonly (string | null)[]): string | null {
  return names.filter((name) => name !== null).join(' ') || null
}
