import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { findChallenge } from '../../auth/challenge.ts'
import { resendEmail } from '../../auth/resend-email.ts'
import { resetPassword } from '../../auth/reset-password.ts'
import { type VerifyBody, verify } from '../../auth/verify.ts'
import type { App } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import { formOf } from '../form.ts'
import { spendLook } from '../guards.ts'
import { requireOwnPage } from '../own-page.ts'
import { perform } from '../perform.ts'
import { type Asked, codeDraft, mailOf, overDraft } from './code-page.ts'
import { readCookie } from './cookies.ts'
import { nextOf, onward, readSignedIn, setCookies, showDraft, showProblem } from './door.ts'
import { languageOf, say } from './words.ts'

type Body = Static<typeof VerifyBody>

/** Step two: the code from the mail, or another way that the person has; also that of a password reset. */
export function codeDoor(app: App, scope: FastifyInstance): void {
  scope.get('/sign-in/code', async (request, reply) => {
    const asked = await findAsked(app, request)
    if (!asked) return goOn(app, request, reply)
    const { sent } = request.query as { sent?: unknown }
    const notice = sent ? say(languageOf(app.config, request.headers), 'resent') : undefined
    return showDraft(app, request, reply, await codeDraft(app, request, asked), notice)
  })

  scope.post('/sign-in/code', async (request, reply) => {
    requireOwnPage(app, request)
    const asked = await findAsked(app, request)
    if (!asked) return goOn(app, request, reply)
    const form = formOf(request)
    try {
      return reply.redirect(await accept(app, request, reply, asked, form), 303)
    } catch (cause) {
      if (isOver(cause)) return showOver(app, request, reply, cause)
      return showProblem(app, request, reply, await codeDraft(app, request, asked), form, cause)
    }
  })

  scope.post('/sign-in/code/resend', async (request, reply) => {
    requireOwnPage(app, request)
    const asked = await findAsked(app, request)
    if (!asked) return showOver(app, request, reply)
    try {
      await perform(app, request, resendEmail, { email_key: asked.emailKey })
      const page = onward('/sign-in/code', request)
      return reply.redirect(`${page}${page.includes('?') ? '&' : '?'}sent=1`, 303)
    } catch (cause) {
      const draft = await codeDraft(app, request, asked)
      return showProblem(app, request, reply, draft, new URLSearchParams(), cause)
    }
  })

  // The page asks how its mail fares, so that nobody waits for one that cannot come.
  scope.get('/sign-in/code/mail', async (request, reply) => {
    const asked = await findAsked(app, request)
    if (!asked) throw new ApiError('RESOURCE_NOT_FOUND')
    reply.header('cache-control', 'no-store')
    return reply.send(await mailOf(app, request, asked))
  })
}

/** Answers where to go: into the Hub, or to the first step with a new password. */
async function accept(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  { emailKey, challenge }: Asked,
  form: URLSearchParams,
): Promise<string> {
  if (challenge.purpose === 'password_reset') {
    const verification_code = digitsOf(form)
    const new_password = form.get('new_password') ?? ''
    await perform(app, request, resetPassword, {
      email_key: emailKey,
      verification_code,
      new_password,
    })
    setCookies(app, reply, { challenge: null, session: null })
    return '/sign-in?told=changed'
  }
  // What came from a form has the schema of `verify` to pass before it is believed to be one.
  const body = { email_key: emailKey, ...guessOf(form) } as Body
  const answer = await perform(app, request, verify, body)
  const { refreshToken, device_token } = answer
  setCookies(app, reply, { session: refreshToken, device: device_token, challenge: null })
  return nextOf(request)
}

async function findAsked(app: App, request: FastifyRequest): Promise<Asked | null> {
  const emailKey = readCookie(app.config, request.headers, 'challenge')
  if (!emailKey) return null
  await spendLook(app, request)
  try {
    return { emailKey, challenge: await findChallenge(app, emailKey, request.startedAt) }
  } catch (cause) {
    if (isOver(cause) || (cause instanceof ApiError && cause.status === 401)) return null
    throw cause
  }
}

/** Too many wrong codes: the key is dead, and only a new start helps. */
function isOver(cause: unknown): cause is ApiError {
  return cause instanceof ApiError && cause.code === 'TOO_MANY_VERIFICATION_ATTEMPTS'
}

/** A step that is over since it went well: sent twice, or come back to. Whoever is in goes in. */
async function goOn(app: App, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (await readSignedIn(app, request)) return reply.redirect(nextOf(request), 303)
  return showOver(app, request, reply)
}

function showOver(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  cause: ApiError | null = null,
): FastifyReply {
  setCookies(app, reply, { challenge: null })
  const draft = overDraft(request)
  if (!cause) return showDraft(app, request, reply.code(410), draft)
  return showProblem(app, request, reply, draft, new URLSearchParams(), cause)
}

function guessOf(form: URLSearchParams): object {
  const method = form.get('method')
  const passkey = form.get('passkey')
  if (passkey) return { method: 'passkey', passkey: readAssertion(passkey) }
  if (method === 'recovery_code') return { method, recovery_code: form.get('recovery_code') ?? '' }
  const verification_code = digitsOf(form)
  return method === 'totp' ? { method, verification_code } : { verification_code }
}

/** What people paste: with spaces or dashes in between. */
function digitsOf(form: URLSearchParams): string {
  return (form.get('verification_code') ?? '').replace(/[\s-]/g, '')
}

function readAssertion(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError('VALIDATION_ERROR')
  }
}
