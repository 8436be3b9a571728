import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { strict, Token } from '../wire/body.ts'
import { readApiKey } from './key-lease.ts'
import { findKeyHolder, noteKeyUse, scopes } from './principal.ts'
import { findLiveSession, waysOf } from './session.ts'

/** RFC 7662. The hint is taken and not needed: what a credential is, it shows itself. */
export const IntrospectBody = Type.Object(
  { token: Token, token_type_hint: Type.Optional(Type.String({ maxLength: 100 })) },
  strict,
)

const Seconds = Type.Integer({ description: 'Seconds since 1970' })

export const IntrospectAnswer = Type.Object({
  active: Type.Boolean(),
  token_type: Type.Optional(Type.Literal('bearer')),
  sub: Type.Optional(Type.String({ description: 'The user' })),
  scope: Type.Optional(Type.String({ description: 'Separated by spaces' })),
  iat: Type.Optional(Seconds),
  exp: Type.Optional(Seconds),
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
  jti: Type.Optional(Type.String()),
  sid: Type.Optional(Type.String({ description: 'The session of an access token' })),
  amr: Type.Optional(Type.Array(Type.String())),
  key_id: Type.Optional(Type.String({ description: 'The API key' })),
})

type Told = Static<typeof IntrospectAnswer>

/**
 * What a credential is worth now, for a server that was shown it. Whatever is not alive is `{"active":false}` and no
 * more, a refresh token too: it is for this server alone, and nobody else may take it for an access token.
 */
export async function introspect(call: Call<Static<typeof IntrospectBody>>): Promise<Told> {
  try {
    return await (call.body.token.startsWith('ak_') ? aboutKey(call) : aboutToken(call))
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 401) return { active: false }
    throw cause
  }
}

/** Where its session is used is not known here: it is another server that asks. */
async function aboutToken({ app, body, now }: Call<Static<typeof IntrospectBody>>): Promise<Told> {
  const { iss, aud, iat, exp, jti, ...claims } = app.tokens.check('access', body.token, now)
  const session = await findLiveSession(app, claims, now)
  const about = { sub: session.user_id, scope: scopes.join(' '), sid: session.id }
  const amr = [...waysOf(session)]
  return { active: true, token_type: 'bearer', ...about, amr, iat, exp, iss, aud, jti }
}

/** Asking about a key is a use of it, of which the server that asks is the place and the program. */
async function aboutKey(call: Call<Static<typeof IntrospectBody>>): Promise<Told> {
  const { row, holder } = await findKeyHolder(call, call.body.token, readApiKey)
  // From where it is used is not known here: a key that is bound to networks is not vouched for.
  if (row.networks !== null || row.parent_networks !== null) return { active: false }
  const seconds = (ms: number) => Math.floor(ms / 1000)
  noteKeyUse(call, row, holder)
  // The secret before the one that the key has ends sooner, and silence may end it.
  const never = Number.POSITIVE_INFINITY
  const end = Math.min(row.expires_at ?? never, holder.retiring?.endsIfSilent ?? never)
  return {
    active: true,
    token_type: 'bearer',
    sub: holder.userId,
    scope: holder.scopes.join(' '),
    key_id: holder.keyId,
    iat: seconds(row.created_at),
    ...(end === never ? {} : { exp: seconds(end) }),
  }
}
