import type { FastifyInstance, FastifyRequest } from 'fastify'
import { login } from '../../auth/login.ts'
import { logout } from '../../auth/logout.ts'
import type { App } from '../../context.ts'
import { callOf, formOf } from '../form.ts'
import { requireOwnPage } from '../own-page.ts'
import { perform } from '../perform.ts'
import { readCookie, setCookie } from './cookies.ts'
import {
  type Draft,
  nextOf,
  onward,
  readSignedIn,
  setCookies,
  showDraft,
  showProblem,
} from './door.ts'
import { languageOf, languages, say } from './words.ts'

/** Step one: address or name and password. */
export function signInDoor(app: App, scope: FastifyInstance): void {
  scope.get('/sign-in', async (request, reply) => {
    if (await readSignedIn(app, request)) return reply.redirect(nextOf(request), 303)
    const { told } = request.query as { told?: unknown }
    const word = told === 'changed' || told === 'signedOut' ? told : null
    const notice = word ? say(languageOf(app.config, request.headers), word) : undefined
    return showDraft(app, request, reply, signInDraft(app, request), notice)
  })

  scope.post('/sign-in', async (request, reply) => {
    requireOwnPage(app, request)
    const form = formOf(request)
    try {
      const device = readCookie(app.config, request.headers, 'device')
      const answer = await perform(app, request, login, {
        email_or_username: form.get('email_or_username') ?? '',
        password: form.get('password') ?? '',
        ...(device ? { device_token: device.slice(0, 200) } : {}),
      })
      setCookies(app, reply, { challenge: answer.email_key })
      return reply.redirect(onward('/sign-in/code', request), 303)
    } catch (cause) {
      return showProblem(app, request, reply, signInDraft(app, request), form, cause)
    }
  })

  scope.post('/sign-out', async (request, reply) => {
    requireOwnPage(app, request)
    const principal = await readSignedIn(app, request)
    if (principal) await logout({ ...callOf(app, request, {}), principal })
    setCookies(app, reply, { session: null, challenge: null })
    const page = onward('/sign-in', request)
    return reply.redirect(`${page}${page.includes('?') ? '&' : '?'}told=signedOut`, 303)
  })

  scope.post('/language', async (request, reply) => {
    requireOwnPage(app, request)
    const chosen = formOf(request).get('language') ?? ''
    if (languages.includes(chosen)) {
      reply.header('set-cookie', setCookie(app.config, 'language', chosen))
    }
    return reply.redirect(cameFrom(request), 303)
  })
}

function signInDraft(app: App, request: FastifyRequest): Draft {
  const links: Draft['links'][number][] = [{ href: '/forgot', text: 'forgot' }]
  if (app.config.registration !== 'closed') {
    const href = onward('/register', request)
    const before = app.config.registration === 'invite' ? 'invited' : 'noAccount'
    links.push({ href, text: 'register', before })
  }
  return {
    title: 'signIn',
    lead: 'signInLead',
    form: {
      action: onward('/sign-in', request),
      button: 'next',
      fields: [
        {
          name: 'email_or_username',
          label: 'identifier',
          type: 'text',
          autocomplete: 'username webauthn',
          focus: true,
        },
        {
          name: 'password',
          label: 'password',
          type: 'password',
          autocomplete: 'current-password',
        },
      ],
    },
    links,
  }
}

/** The page that the form stood on; a foreign one is answered with ours. */
function cameFrom({ headers }: FastifyRequest): string {
  const page = URL.parse(headers.referer ?? '')
  const own = page?.host === headers.host ? `${page?.pathname}${page?.search}` : '/sign-in'
  return own.startsWith('//') ? '/sign-in' : own
}
