import { type Bucket, type LimitName, limits } from './limits.ts'

/** Reads a setting's text; undefined when it does not fit. */
export type Reader<T> = (text: string) => T | undefined

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
  if (!url || url.username || url.search || url.hash) return undefined
  return url.href.replace(/\/$/, '')
}

/**
 * A model server's address. Its host must be spelt as it is read: `127.1`, `2130706433` and circled digits
 * all become 127.0.0.1, and nobody who looks at them sees it.
 */
export function upstreamAddress(text: string): string | undefined {
  const address = webAddress(text)
  const [, spelt = ''] = /^https?:\/\/(\[[^\]]*\]|[^:/]+)/i.exec(text) ?? []
  if (!address || new URL(address).hostname !== spelt.toLowerCase()) return undefined
  return new URL(address).pathname === '/' ? `${address}/v1` : address
}

/** Milliseconds. */
export interface UpstreamTimes {
  readonly connect: number
  readonly first: number
  readonly plain: number
  readonly idle: number
  readonly total: number
  readonly keepalive: number
}

export const standardTimes: UpstreamTimes = {
  connect: 5000,
  first: 60_000,
  plain: 600_000,
  idle: 60_000,
  total: 600_000,
  keepalive: 15_000,
}

export function upstreamTimes(text: string): UpstreamTimes | undefined {
  const times: Record<string, number> = {}
  for (const part of text.split(',')) {
    const [, name = '', seconds] = /^\s*([a-z]+)=(\d{1,5}(?:\.\d{1,3})?)\s*$/.exec(part) ?? []
    if (!Object.hasOwn(standardTimes, name) || !Number(seconds)) return undefined
    times[name] = Number(seconds) * 1000
  }
  return { ...standardTimes, ...times }
}

export function postgres(text: string): string | undefined {
  return urlOf(text, 'postgres:', 'postgresql:') && text
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
