import { type Bucket, type LimitName, limits } from './limits.ts'

/** Reads a setting's text; undefined when it does not fit. */
export type Reader<T> = (text: string) => T | undefined

/** One setting: what it takes, in words and as a function that answers undefined when it does not fit. */
export interface Knob<T = unknown> {
  readonly takes: string
  readonly standard: string
  readonly sentence: string
  readonly read: Reader<T>
}

export function knob<T>(
  takes: string,
  standard: string,
  sentence: string,
  read: Reader<T>,
): Knob<T> {
  return { takes, standard, sentence, read }
}

export function whole(least: number, most: number): Reader<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most ? value : undefined
  }
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Reader<Word> {
  return (text) => words.find((word) => word === text)
}

export function some(text: string): string | undefined {
  return text
}

export function twoLetters(text: string): string | undefined {
  return /^[a-z]{2}$/.test(text) ? text : undefined
}

export function address(text: string): string | undefined {
  return /^[A-Za-z0-9.:[\]-]+$/.test(text) ? text : undefined
}

export function sender(text: string): string | undefined {
  return /^[^\r\n@<>]*<?[^\s@<>]+@[^\s@<>]+>?$/.test(text) ? text : undefined
}

function urlOf(text: string, ...schemes: readonly string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && schemes.includes(url.protocol) && url.hostname ? url : undefined
}

export function webAddress(text: string): string | undefined {
  const url = urlOf(text, 'http:', 'https:')
  if (!url || url.username || url.password || url.search || url.hash) return undefined
  return url.href.replace(/\/$/, '')
}

/** Several hosts may stand in it, with commas between: the first is looked at for all. */
export function postgres(text: string): string | undefined {
  const first = text.replace(/^(\w+:\/\/(?:[^/?#]*@)?[^,/?#]+),[^/?#]*/, '$1')
  return urlOf(first, 'postgres:', 'postgresql:') && text
}

export function redis(text: string): string | undefined {
  return urlOf(text, 'redis:', 'rediss:') && text
}

export function smtp(text: string): string | undefined {
  return urlOf(text, 'smtp:', 'smtps:') && text
}

export function networks(text: string): string[] | undefined {
  const list = text.split(',').map((part) => part.trim())
  return list.every((part) => /^[0-9a-fA-F:.]+(\/\d{1,3})?$/.test(part)) ? list : undefined
}

export function limitChanges(
  text: string,
): Partial<Record<LimitName, readonly Bucket[]>> | undefined {
  const changes: Partial<Record<LimitName, readonly Bucket[]>> = {}
  for (const part of text.split(',')) {
    const [, name, calls, seconds] =
      /^\s*([a-z-]+)=(?:off|(\d{1,9})\/(\d{1,9}))\s*$/.exec(part) ?? []
    if (!name || !Object.hasOwn(limits, name)) return undefined
    if (calls && (!Number(calls) || !Number(seconds))) return undefined
    const bucket = { calls: Number(calls), perMs: Number(seconds) * 1000, burst: Number(calls) }
    changes[name as LimitName] = calls ? [bucket] : []
  }
  return changes
}
