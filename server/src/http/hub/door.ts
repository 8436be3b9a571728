import type { FastifyReply, FastifyRequest } from 'fastify'
import { authenticate, type SignedIn } from '../../auth/principal.ts'
import type { App } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import { readCookie, setCookie } from './cookies.ts'
import { sendPage } from './page.ts'
import { type Field, type SignInPage, signInPage } from './sign-in-page.ts'
import { isErrorWord, languageOf, say, sayError } from './words.ts'

/** Where somebody goes who came from nowhere. */
const HOME = '/hub'

/** A page that stands alone until what was sent in fits. */
export type Draft = Omit<SignInPage, 'language' | 'problem' | 'notice'>

/** Who the browser's cookie says is here; null when nobody is. */
export async function readSignedIn(app: App, request: FastifyRequest): Promise<SignedIn | null> {
  const text = readCookie(app.config, request.headers, 'session')
  if (!text) return null
  try {
    const { origin, startedAt } = request
    const principal = await authenticate(app, { kind: 'cookie', text }, origin, startedAt)
    return principal.kind === 'signed-in' ? principal : null
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 401) return null
    throw cause
  }
}

/** Where to go afterwards: a path of this server, never another one (security case 116). */
export function nextOf(request: FastifyRequest): string {
  const { next } = request.query as { next?: unknown }
  const fits = typeof next === 'string' && /^\/(?![/\\])[\w/.~?=&%-]{0,500}$/.test(next)
  return fits ? next : HOME
}

/** The same path, carrying along where to go afterwards. */
export function onward(path: string, request: FastifyRequest): string {
  const next = nextOf(request)
  return next === HOME ? path : `${path}?next=${encodeURIComponent(next)}`
}

export function showDraft(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  draft: Draft,
  notice?: string,
): FastifyReply {
  const language = languageOf(app.config, request.headers)
  const page = signInPage({ ...draft, language, ...(notice ? { notice } : {}) })
  return sendPage(reply, reply.statusCode, page)
}

/** The same page with what went wrong, and with what was typed, but for the secrets. */
export function showProblem(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  draft: Draft,
  form: URLSearchParams,
  cause: unknown,
): FastifyReply {
  if (!(cause instanceof ApiError) || cause.status >= 500) throw cause
  const language = languageOf(app.config, request.headers)
  const problem = sentenceOf(language, cause, request.id)
  const fields = draft.form?.fields.map((field) => retyped(field, form))
  const page = draft.form && fields ? { ...draft, form: { ...draft.form, fields } } : draft
  if (cause.status === 401) reply.header('www-authenticate', 'Form')
  const { 'retry-after': wait } = cause.headers
  if (wait) reply.header('retry-after', wait)
  return sendPage(reply, cause.status, signInPage({ ...page, language, problem }))
}

/** What was typed, but for secrets; of a form with a password that is where one goes on. */
function retyped(field: Field, form: URLSearchParams): Field {
  const { focus, ...rest } = field
  const next = form.has('password') ? field.type === 'password' : focus
  const value = field.type === 'password' ? '' : form.get(field.name)?.slice(0, 320)
  return { ...rest, ...(next ? { focus: true } : {}), ...(value ? { value } : {}) }
}

/** What an error means to a reader, in their language. */
function sentenceOf(language: string, { code, details }: ApiError, id: string): string {
  if (!isErrorWord(code)) return sayError(language, 'unknown', { id })
  const reason = details?.reason ? `${details.reason}.` : ''
  return sayError(language, code, { wait: waitOf(language, details?.retry_after ?? 1), reason })
}

function waitOf(language: string, seconds: number): string {
  return seconds < 100
    ? say(language, 'seconds', { count: seconds })
    : say(language, 'minutes', { count: Math.ceil(seconds / 60) })
}

/** Several cookies at once: each is a header of its own. */
export function setCookies(
  app: App,
  reply: FastifyReply,
  cookies: Partial<Record<Parameters<typeof setCookie>[1], string | null>>,
): void {
  const names = Object.keys(cookies) as (keyof typeof cookies)[]
  reply.header(
    'set-cookie',
    names.map((name) => setCookie(app.config, name, cookies[name] ?? null)),
  )
}
