import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { strict } from '../wire/body.ts'
import { OrNull } from '../wire/reply.ts'
import { type Scope, scopes } from './principal.ts'

export const CheckQuery = Type.Object(
  { scope: Type.Optional(Type.Union(scopes.map((scope) => Type.Literal(scope)))) },
  strict,
)

export const CheckAnswer = Type.Object({
  user_id: Type.String(),
  scopes: Type.Array(Type.String()),
  key_id: OrNull(Type.String()),
})

/**
 * Who calls, for a reverse proxy that asks before it lets a request through: in headers, which it hands on. Whoever is
 * signed in has every scope.
 */
export async function checkCredential(
  call: Call<unknown, unknown, { readonly scope?: Scope }>,
): Promise<Static<typeof CheckAnswer>> {
  const { principal, query, headers } = call
  if (!principal) throw new ApiError('AUTHENTICATION_REQUIRED')
  const keyId = principal.kind === 'key-holder' ? principal.keyId : null
  const granted = principal.kind === 'key-holder' ? principal.scopes : scopes
  if (query.scope && !granted.includes(query.scope)) throw new ApiError('INSUFFICIENT_PERMISSIONS')
  headers['x-freddy-user'] = principal.userId
  headers['x-freddy-scopes'] = granted.join(' ')
  // Empty and not absent: a proxy that copies what is not there may copy the name of its own variable.
  headers['x-freddy-key'] = keyId ?? ''
  return { user_id: principal.userId, scopes: [...granted], key_id: keyId }
}
