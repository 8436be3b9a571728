import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { requireSignedIn, type SignedIn } from './principal.ts'

/** How long after a sign-in its session may change the ways to sign in. */
const FRESH_MS = 10 * 60_000

/** A session that more stands behind than a recovery code, which may have been found on paper. */
export function requireStrongSession(call: Call<unknown, unknown, unknown>): SignedIn {
  const signedIn = requireSignedIn(call)
  if (signedIn.amr.includes('recovery')) throw weak('recovery_session')
  return signedIn
}

/** A strong session whose person proved themselves in it, and was not let in by another one. */
export function requireProvenSession(call: Call<unknown, unknown, unknown>): SignedIn {
  const signedIn = requireStrongSession(call)
  if (signedIn.amr.includes('device')) throw weak('sign_in_again')
  return signedIn
}

/** A proven session that began a moment ago: a token that was stolen later does not suffice. */
export function requireFreshSession(call: Call<unknown, unknown, unknown>): SignedIn {
  const signedIn = requireProvenSession(call)
  if (call.now - signedIn.signedInAt >= FRESH_MS) throw weak('sign_in_again')
  return signedIn
}

function weak(reason: string): ApiError {
  return new ApiError('INSUFFICIENT_PERMISSIONS', { details: { reason } })
}
