import assert from 'node:assert/strict'
import { makeApiKey } from '../../../server/src/auth/api-key.ts'
import type { Freddy } from '../../../server/test/freddy.ts'
import { RefusedError, Verifier, type VerifierOptions } from '../src/verify/index.ts'
import { baseUrlOf } from './server.ts'

export const ISSUER = 'https://auth.example.com'
const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

/** Somebody else's server that is shown our tokens, and every call that it makes for that. */
export interface Resource {
  readonly verifier: Verifier
  readonly calls: string[]
  readonly problems: unknown[]
}

export async function resourceOf(
  freddy: Freddy,
  options: Partial<VerifierOptions> = {},
): Promise<Resource> {
  const apiKey = await introspectorKey(freddy)
  const calls: string[] = []
  const problems: unknown[] = []
  const verifier = new Verifier({
    baseUrl: await baseUrlOf(freddy),
    apiKey,
    issuer: ISSUER,
    now: freddy.now,
    onProblem: (problem) => problems.push(problem),
    fetch: (input, init) => {
      calls.push(new URL(String(input)).pathname.split('/').at(-1) ?? '')
      return fetch(input, init)
    },
    ...options,
  })
  return { verifier, calls, problems }
}

/** A key as the operator's shell makes it for such a server. */
export async function introspectorKey(freddy: Freddy): Promise<string> {
  const { id } = await freddy.person('resource')
  const { app } = freddy.running
  const wish = { userId: id, name: 'k', scopes: ['tokens:introspect'], expiresAt: null }
  const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
  return made?.key ?? assert.fail()
}

/** An admin stops everything of somebody; what comes back undoes it. */
export async function panicAbout(freddy: Freddy, user: string): Promise<() => Promise<unknown>> {
  const root = await freddy.person('root')
  await freddy.database.write(`UPDATE users SET role = 'admin' WHERE id = :id`, { id: root.id })
  const { token } = await freddy.signIn(root)
  const panic = async (more: object) => {
    const body = { user, ...more }
    return (await freddy.ask('POST /v1/admin/panic', { token, body })).body
  }
  const { id } = await panic({ confirm: (await panic({})).confirm })
  return () => freddy.ask(`POST /v1/admin/panic/${id}/undo`, { token })
}

/** `code` of the refusal, or the id of who was let in. */
export async function outcomeOf(asked: Promise<{ readonly userId: string }>): Promise<string> {
  try {
    return (await asked).userId
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error))
    return error.code
  }
}
