import { domainToASCII, domainToUnicode } from 'node:url'
import { ApiError } from '../errors.ts'

const MOST_TYPED = 1024
const MOST_LOCAL = 64
const MOST_ADDRESS = 254
const MOST_LABEL = 63

const DOT_ATOM = /^[\w!#$&'*+/=?^{|}~-]+(?:\.[\w!#$&'*+/=?^{|}~-]+)*$/
const ASCII_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
/** Letters, their marks, digits, hyphen, and the punctuation that some languages write inside words. */
const TYPED_LABEL = /^[\p{L}\p{M}\p{N}\u00b7\u0375\u05f3\u05f4\u30fb-]+$/u
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

export interface EmailAddress {
  /** Lower-cased, the domain in A-labels: what is compared, stored and mailed to. */
  readonly address: string
  /** Whose mailbox that is, without tag and the dots that do not matter there: for quotas only. */
  readonly mailbox: string
}

/**
 * An address that we mail to, or null. A strict subset of RFC 5321 in which nothing can be read in two
 * ways: an ASCII dot-atom and a domain name, so no quotes, comments, groups, routes or IP literals.
 */
export function parseEmailAddress(text: string): EmailAddress | null {
  if (text.length > MOST_TYPED || text.normalize('NFKC') !== text) return null
  const [typedLocal = '', typedDomain, ...more] = text.split('@')
  if (typedDomain === undefined || more.length > 0) return null
  if (typedLocal.length > MOST_LOCAL || !DOT_ATOM.test(typedLocal)) return null
  const domain = parseDomain(typedDomain)
  if (domain === null) return null
  const local = typedLocal.toLowerCase()
  const address = `${local}@${domain}`
  if (address.length > MOST_ADDRESS) return null
  return { address, mailbox: mailboxOf(local, domain) }
}

/** Tells an address from a user name, which cannot hold the sign. */
export function looksLikeEmail(text: string): boolean {
  return text.includes('@')
}

/** The name in lower-case A-labels, or null. What IDNA would skip, unescape or cut off is refused before. */
function parseDomain(typed: string): string | null {
  if (INVISIBLE.test(typed)) return null
  if (!typed.split('.').every((label) => TYPED_LABEL.test(label))) return null
  const ascii = domainToASCII(typed)
  const labels = ascii.split('.')
  if (labels.length < 2 || /^\d+$/.test(labels.at(-1) ?? '')) return null
  return labels.every(isLabel) ? ascii : null
}

function isLabel(label: string): boolean {
  if (label.length > MOST_LABEL || !ASCII_LABEL.test(label)) return false
  return !label.startsWith('xn--') || isGenuineALabel(label)
}

/** One that decodes, and encodes to itself: the converter lets broken ones pass as they are. */
function isGenuineALabel(label: string): boolean {
  const unicode = domainToUnicode(label)
  if (unicode.startsWith('xn--') || domainToASCII(unicode) !== label) return false
  return TYPED_LABEL.test(unicode) && !INVISIBLE.test(unicode)
}

function mailboxOf(local: string, domain: string): string {
  const base = local.replace(/(?<=.)\+.*$/, '')
  const isGoogle = domain === 'gmail.com' || domain === 'googlemail.com'
  return isGoogle ? `${base.replaceAll('.', '')}@gmail.com` : `${base}@${domain}`
}

/** The address that somebody gives as an e-mail address, or INVALID_EMAIL_FORMAT. */
export function requireEmail(text: string, param = 'email'): EmailAddress {
  const email = parseEmailAddress(text)
  if (!email) throw new ApiError('INVALID_EMAIL_FORMAT', { param })
  return email
}
