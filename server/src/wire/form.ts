import { isUtf8 } from 'node:buffer'
import { ApiError } from '../errors.ts'

const MOST_FIELDS = 100
const forbidden = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * The fields of an `application/x-www-form-urlencoded` body, as strictly as JSON is read: bytes that are not UTF-8, an
 * escape that is none, a name twice or without a value, and names that reach for prototypes are MALFORMED_REQUEST.
 */
export function parseForm(bytes: Buffer): Record<string, string> {
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8')
  const text = bytes.toString('utf8')
  const pairs = text === '' ? [] : text.split('&', MOST_FIELDS + 1)
  if (pairs.length > MOST_FIELDS) throw malformed('The form has too many fields')
  const fields = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) throw malformed('The body is not a form')
    const name = decode(pair.slice(0, at))
    if (forbidden.has(name)) throw malformed('A name is not allowed')
    if (fields.has(name)) throw malformed('A name stands there twice')
    fields.set(name, decode(pair.slice(at + 1)))
  }
  return Object.fromEntries(fields)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw malformed('The body is not a form')
  }
}

function malformed(reason: string): ApiError {
  return new ApiError('MALFORMED_REQUEST', { details: { reason } })
}
