import type { Needs, Principal } from './principal.ts'
import { answerOf, type RefusalAnswer, RefusedError } from './refusals.ts'
import type { Verifier } from './verifier.ts'

/** Who calls, by what each framework has for a request. */
const principals = new WeakMap<object, Principal>()

/** Who calls: of a request (Fastify, Express, fetch) or a context (Hono) that a guard has let in. Throws where none stood. */
export function principalOf(request: object): Principal {
  const principal = principals.get(request)
  if (!principal) throw new TypeError('No guard has let this request in')
  return principal
}

/** For plain fetch handlers: who calls, or the answer that turns them away. */
export async function guard(
  verifier: Verifier,
  request: Request,
  needs: Needs = {},
): Promise<Principal | Response> {
  const refused = await refusalOf(verifier, request, request.headers, needs)
  return refused ? responseOf(refused) : principalOf(request)
}

/** What of Fastify's request and reply is needed here. */
export interface FastifyLikeRequest {
  readonly raw: { readonly rawHeaders: readonly string[] }
}
export interface FastifyLikeReply {
  code(status: number): FastifyLikeReply
  headers(headers: Record<string, string>): FastifyLikeReply
  send(text: string): FastifyLikeReply
}

/** A hook for Fastify: `app.addHook('onRequest', forFastify(verifier))`. */
export function forFastify(
  verifier: Verifier,
  needs: Needs = {},
): (request: FastifyLikeRequest, reply: FastifyLikeReply) => Promise<unknown> {
  return async (request, reply) => {
    const refused = await refusalOf(verifier, request, pairsOf(request.raw.rawHeaders), needs)
    if (!refused) return undefined
    return reply
      .code(refused.status)
      .headers({ ...refused.headers })
      .send(refused.text)
  }
}

/** What of Express's request and response is needed here: Node's own. */
export interface ExpressLikeRequest {
  readonly rawHeaders: readonly string[]
}
export interface ExpressLikeResponse {
  readonly headersSent: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  end(text: string): unknown
}

/** Middleware for Express, and for whatever else passes Node's request and response on. */
export function forExpress(
  verifier: Verifier,
  needs: Needs = {},
): (
  request: ExpressLikeRequest,
  response: ExpressLikeResponse,
  next: (problem?: unknown) => void,
) => void {
  return (request, response, next) => {
    const answer = (refused: RefusalAnswer | null) => {
      // Somebody had no patience, and a second answer would end the process.
      if (response.headersSent) return
      if (!refused) return next()
      response.writeHead(refused.status, { ...refused.headers })
      response.end(refused.text)
    }
    refusalOf(verifier, request, pairsOf(request.rawHeaders), needs).then(answer, next)
  }
}

/** What of Hono's context is needed here. */
export interface HonoLikeContext {
  readonly req: { readonly raw: Request }
}

/** Middleware for Hono. */
export function forHono(
  verifier: Verifier,
  needs: Needs = {},
): (context: HonoLikeContext, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (context, next) => {
    const refused = await refusalOf(verifier, context, context.req.raw.headers, needs)
    if (refused) return responseOf(refused)
    await next()
    return undefined
  }
}

/** Lets a request in, and remembers who calls; or what to answer. */
async function refusalOf(
  verifier: Verifier,
  request: object,
  headers: Iterable<readonly [string, string]>,
  needs: Needs,
): Promise<RefusalAnswer | null> {
  try {
    principals.set(request, await verifier.admit(headers, needs))
    return null
  } catch (error) {
    if (error instanceof RefusedError) return answerOf(error, headers)
    throw error
  }
}

const responseOf = ({ status, headers, text }: RefusalAnswer) =>
  new Response(text, { status, headers: { ...headers } })

/** As they were sent: what Node makes of them hides that one came twice. */
function pairsOf(raw: readonly string[]): [string, string][] {
  const names = raw.filter((_, place) => place % 2 === 0)
  return names.map((name, place) => [name, raw[2 * place + 1] ?? ''])
}
