import type { FastifyInstance, FastifyRequest } from 'fastify'
import { forgotPassword } from '../../auth/forgot-password.ts'
import { shortestPassword } from '../../auth/password.ts'
import { register } from '../../auth/register.ts'
import { inviteFirst, isSetupOpen } from '../../auth/setup.ts'
import type { App } from '../../context.ts'
import { formOf } from '../form.ts'
import { spendLook } from '../guards.ts'
import { requireOwnPage } from '../own-page.ts'
import { perform } from '../perform.ts'
import { type Draft, onward, setCookies, showDraft, showProblem } from './door.ts'
import type { Field } from './sign-in-page.ts'

/** A new account, the first account, and the way back in without a password. Each goes on at the page for codes. */
export function registerDoor(app: App, scope: FastifyInstance): void {
  scope.get('/register', async (request, reply) =>
    showDraft(app, request, reply, registerDraft(app, request)),
  )
  scope.post('/register', async (request, reply) => {
    requireOwnPage(app, request)
    const form = formOf(request)
    try {
      const answer = await perform(app, request, register, registrationOf(form))
      setCookies(app, reply, { challenge: answer.email_key })
      return reply.redirect(onward('/sign-in/code', request), 303)
    } catch (cause) {
      return showProblem(app, request, reply, registerDraft(app, request), form, cause)
    }
  })

  scope.get('/forgot', async (request, reply) => showDraft(app, request, reply, forgotDraft()))
  scope.post('/forgot', async (request, reply) => {
    requireOwnPage(app, request)
    const form = formOf(request)
    try {
      const email = form.get('email') ?? ''
      const answer = await perform(app, request, forgotPassword, { email })
      setCookies(app, reply, { challenge: answer.email_key })
      return reply.redirect('/sign-in/code', 303)
    } catch (cause) {
      return showProblem(app, request, reply, forgotDraft(), form, cause)
    }
  })

  scope.get('/setup', async (request, reply) => {
    await spendLook(app, request)
    const open = await isSetupOpen(app, secretOf(request), request.startedAt)
    const draft = open ? setupDraft(app, request) : setupOver
    return showDraft(app, request, reply.code(open ? 200 : 410), draft)
  })
  scope.post('/setup', async (request, reply) => {
    requireOwnPage(app, request)
    await spendLook(app, request)
    const form = formOf(request)
    try {
      const fields = registrationOf(form)
      const invitation = await inviteFirst(app, secretOf(request), fields.email, request.startedAt)
      if (!invitation) return showDraft(app, request, reply.code(410), setupOver)
      const answer = await perform(byInvitation(app), request, register, { ...fields, invitation })
      setCookies(app, reply, { challenge: answer.email_key })
      return reply.redirect('/sign-in/code', 303)
    } catch (cause) {
      return showProblem(app, request, reply, setupDraft(app, request), form, cause)
    }
  })
}

/** Where nobody may register, the first account still may. */
function byInvitation(app: App): App {
  return { ...app, config: { ...app.config, registration: 'invite' } }
}

function registrationOf(form: URLSearchParams) {
  const full_name = form.get('full_name')?.trim()
  const invitation = form.get('invitation')
  return {
    email: form.get('email') ?? '',
    password: form.get('password') ?? '',
    ...(full_name ? { full_name } : {}),
    ...(invitation ? { invitation } : {}),
  }
}

const secretOf = ({ query }: FastifyRequest) => String((query as { t?: unknown }).t ?? '')

const email: Field = {
  name: 'email',
  label: 'email',
  type: 'email',
  autocomplete: 'username',
  focus: true,
}
const accountFields: readonly Field[] = [
  email,
  { name: 'full_name', label: 'fullName', type: 'text', autocomplete: 'name', optional: true },
  {
    name: 'password',
    label: 'password',
    type: 'password',
    autocomplete: 'new-password',
    hint: 'passwordHint',
  },
]

function registerDraft(app: App, request: FastifyRequest): Draft {
  const links: Draft['links'] = [
    { href: onward('/sign-in', request), text: 'signIn', before: 'haveAccount' },
  ]
  const { registration } = app.config
  if (registration === 'closed') return { title: 'register', lead: 'registerClosed', links }
  return {
    title: 'register',
    lead: registration === 'invite' ? 'registerInvited' : 'registerLead',
    values: { least: shortestPassword(app) },
    form: {
      action: onward('/register', request),
      button: 'register',
      fields: [...accountFields, ...invitationFields(registration, request)],
    },
    links,
  }
}

/** Where it is asked for it is typed; elsewhere one that a letter brought goes along, and can be left out. */
function invitationFields(
  registration: App['config']['registration'],
  request: FastifyRequest,
): Field[] {
  const { invitation } = request.query as { invitation?: unknown }
  // The address of the page has it once: what was sent in with something amiss still has it.
  const sent = formOf(request).get('invitation') ?? invitation
  const value = typeof sent === 'string' ? sent.slice(0, 100) : ''
  const field: Field = {
    name: 'invitation',
    label: 'invitation',
    type: 'text',
    autocomplete: 'off',
    value,
  }
  if (registration === 'invite') return [field]
  return value ? [{ ...field, optional: true }] : []
}

function setupDraft(app: App, request: FastifyRequest): Draft {
  return {
    title: 'setup',
    lead: 'setupLead',
    values: { least: shortestPassword(app) },
    form: {
      action: `/setup?t=${encodeURIComponent(secretOf(request))}`,
      button: 'setupButton',
      fields: accountFields,
    },
    links: [],
  }
}

const setupOver: Draft = {
  title: 'setupOver',
  lead: 'setupOverLead',
  links: [{ href: '/sign-in', text: 'signIn' }],
}

function forgotDraft(): Draft {
  return {
    title: 'forgotTitle',
    lead: 'forgotLead',
    form: { action: '/forgot', button: 'sendCode', fields: [email] },
    links: [{ href: '/sign-in', text: 'signIn', before: 'haveAccount' }],
  }
}
