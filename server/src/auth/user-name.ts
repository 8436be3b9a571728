import { ApiError } from '../errors.ts'

const PATTERN = /^[a-z0-9][a-z0-9._-]{2,99}$/

/** Names that would speak for the operator, for the software, or for nobody; kept without separators. */
const RESERVED: ReadonlySet<string> = new Set(
  `abuse account accounts admin administrator admins anonymous api apikey auth billing contact
  daemon everyone everybody freddy freddyauth health help helpdesk hostmaster hub info
  localhost login logout mail mailerdaemon me metrics moderator moderators mod nobody none
  noreply null official operator owner owners password payments postmaster privacy readyz
  livez register responses root security signin signup staff status sudo superuser support
  sysadmin system undefined unknown user users username usernames verify webmaster
  www`.split(/\s+/),
)

/**
 * The lower-case spelling of a user name that may be given (contract section 2), or null: against the
 * pattern, or reserved. Only A to Z are lower-cased: the Kelvin sign stays what it is and is refused.
 */
export function parseUserName(text: string): string | null {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  return PATTERN.test(name) && !isReservedUserName(name) ? name : null
}

/** True for a reserved name, however it is cased and whatever dots, dashes and underscores are put in. */
export function isReservedUserName(text: string): boolean {
  return RESERVED.has(text.toLowerCase().replace(/[._-]/g, ''))
}

/** The user name that somebody chooses, or what is wrong with it. */
export function requireUserName(text: string): string {
  const name = parseUserName(text)
  if (name) return name
  const message =
    '3 to 100 of a-z, 0-9, dot, underscore and hyphen, a letter or digit first; some are reserved'
  throw new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field: 'user_name', message }] },
    param: 'user_name',
  })
}
