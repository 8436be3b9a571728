import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'

const Member = Type.Optional(Type.String())

export const KeysAnswer = Type.Object({
  keys: Type.Array(
    Type.Object({
      kid: Type.String(),
      alg: Type.String(),
      use: Type.Literal('sig'),
      kty: Type.String(),
      crv: Member,
      x: Member,
      y: Member,
      n: Member,
      e: Member,
    }),
  ),
})

/** The public keys of access tokens (RFC 7517): the current one, the next, and the former while their tokens live. */
export async function showKeys({ app, headers }: Call): Promise<Static<typeof KeysAnswer>> {
  const { all } = app.signingKeys
  if (all.length === 0) throw new ApiError('RESOURCE_NOT_FOUND')
  headers['cache-control'] = 'public, max-age=300'
  return { keys: all.map(({ publicKey }) => publicKey) }
}
