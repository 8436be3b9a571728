import { ApiError } from '../errors.ts'
import { isSafeName } from '../wire/text.ts'

/** The name that a person may be called by in mails and lists. */
export function requireFullName(text: string): string {
  if (isSafeName(text)) return text.trim()
  const message = 'a name without control characters or web addresses'
  throw new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field: 'full_name', message }] },
    param: 'full_name',
  })
}
