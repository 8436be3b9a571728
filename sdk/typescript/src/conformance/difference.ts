import type { Heard } from './server-talk.ts'

/** What an answer must be: each field and header that is named, in a value or a pattern. */
export interface Expected {
  readonly status: number
  readonly headers?: Readonly<Record<string, RegExp>>
  readonly body?: unknown
}

/** Ends "but …"; null when the answer is as expected. */
export function differenceFrom(
  { status, headers = {}, body }: Expected,
  heard: Heard,
): string | null {
  const { line } = heard
  if (heard.status !== status) return `${line} answered ${heard.status} in place of ${status}`
  for (const [name, pattern] of Object.entries(headers)) {
    const value = heard.headers.get(name)
    if (value === null) return `${line} answered without the header ${name}`
    if (!pattern.test(value)) return `${line} answered the header ${name}: ${value}`
  }
  const found = body === undefined ? null : firstUnlike(body, heard.body, '')
  return found && `${line} answered ${found}`
}

function firstUnlike(wanted: unknown, found: unknown, path: string): string | null {
  if (wanted instanceof RegExp) {
    if (typeof found === 'string' && wanted.test(found)) return null
    const named = wanted.source === '.' ? 'some text' : `what fits ${wanted}`
    return `${path}: ${shown(found)} in place of ${named}`
  }
  if (typeof wanted !== 'object' || wanted === null) {
    return wanted === found ? null : `${path}: ${shown(found)} in place of ${shown(wanted)}`
  }
  if (typeof found !== 'object' || found === null) {
    return `${path || 'the body'}: ${shown(found)} in place of an object`
  }
  const fields = found as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries(wanted)) {
    const unlike = firstUnlike(value, fields[name], path ? `${path}.${name}` : name)
    if (unlike) return unlike
  }
  return null
}

const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value))
