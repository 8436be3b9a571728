import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { SignedIn } from './principal.ts'

/** How long after a sign-in its session may change the ways to sign in. */
const FRESH_MS = 10 * 60_000

type Caller = Pick<Call, 'principal' | 'now'>

/** A session that more stands behind than a recovery code, which may have been found on paper. */
export function requireStrongSession({ principal }: Pick<Call, 'principal'>): SignedIn {
  if (principal?.kind !== 'signed-in') throw new ApiError('AUTHENTICATION_REQUIRED')
  if (principal.amr.includes('recovery')) throw weak('recovery_session')
  return principal
}

/** A strong session that began a moment ago: a token that was stolen later does not suffice. */
export function requireFreshSession({ principal, now }: Caller): SignedIn {
  const signedIn = requireStrongSession({ principal })
  if (now - signedIn.signedInAt >= FRESH_MS) throw weak('sign_in_again')
  return signedIn
}

function weak(reason: string): ApiError {
  return new ApiError('INSUFFICIENT_PERMISSIONS', { details: { reason } })
}
