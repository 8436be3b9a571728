import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { programName } from '../../auth/device-name.ts'
import { allowPairing, denyPairing, findTyped } from '../../auth/pairing.ts'
import { pairingPhrase } from '../../auth/pairing-phrase.ts'
import type { SignedIn } from '../../auth/principal.ts'
import type { App, Call } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import type { PairingRow } from '../../store/pairings.ts'
import { callOf, formOf } from '../form.ts'
import { spendLook } from '../guards.ts'
import { requireOwnPage } from '../own-page.ts'
import { type Draft, readSignedIn, showDraft, showProblem } from './door.ts'
import { sendPage } from './page.ts'
import { signInPage } from './sign-in-page.ts'
import { languageOf, say, type Word } from './words.ts'

const MOST_TYPED = 20

/** Where somebody who is signed in lets a device in: its code, then what asks, then Allow or Deny (RFC 8628, section 3.3). */
export function deviceDoor(app: App, scope: FastifyInstance): void {
  scope.get('/device', async (request, reply) => {
    const typed = typedOf((request.query as { user_code?: unknown }).user_code)
    if (!(await readSignedIn(app, request))) return toSignIn(reply, typed)
    return showDraft(app, request, reply, codeDraft(typed))
  })

  // A link may fill the code in; what it shows, and the answer, take a person who goes on.
  scope.post('/device', async (request, reply) =>
    answer(app, request, reply, async (_call, pairing, typed) => askDraft(pairing, typed)),
  )

  scope.post('/device/answer', async (request, reply) =>
    answer(app, request, reply, async (call, pairing) => {
      const allows = formOf(request).get('answer') === 'allow'
      const first = await (allows ? allowPairing(call, pairing) : denyPairing(call, pairing))
      if (!first) throw new ApiError('INVALID_VERIFICATION_CODE')
      return allows
        ? over('deviceAllowed', 'deviceAllowedLead')
        : over('deviceDenied', 'deviceDeniedLead')
    }),
  )
}

type Step = (
  call: Call<unknown, unknown, unknown>,
  pairing: PairingRow,
  typed: string,
) => Promise<Draft>

/** One step of it, by who is signed in and for the code that they typed. */
async function answer(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  step: Step,
): Promise<FastifyReply> {
  requireOwnPage(app, request)
  const form = formOf(request)
  const typed = typedOf(form.get('user_code'))
  const principal = await readSignedIn(app, request)
  if (!principal) return toSignIn(reply, typed)
  try {
    return showDraft(app, request, reply, await take(app, request, principal, typed, step))
  } catch (cause) {
    const word = cause instanceof ApiError ? own[cause.code] : undefined
    if (!word || !(cause instanceof ApiError))
      return showProblem(app, request, reply, codeDraft(typed), form, cause)
    const language = languageOf(app.config, request.headers)
    const page = { ...codeDraft(typed), language, problem: say(language, word) }
    return sendPage(reply, cause.status, signInPage(page))
  }
}

/** Refusals that mean something of their own here. */
const own: Partial<Record<ApiError['code'], Word>> = {
  INVALID_VERIFICATION_CODE: 'deviceUnknown',
  INSUFFICIENT_PERMISSIONS: 'deviceWeak',
}

async function take(
  app: App,
  request: FastifyRequest,
  principal: SignedIn,
  typed: string,
  step: Step,
): Promise<Draft> {
  await spendLook(app, request)
  const call = { ...callOf(app, request, {}), principal }
  const pairing = await findTyped(call, typed)
  if (!pairing) throw new ApiError('INVALID_VERIFICATION_CODE')
  return step(call, pairing, typed)
}

function codeDraft(typed: string): Draft {
  return {
    title: 'device',
    lead: 'deviceLead',
    form: {
      action: '/device',
      button: 'next',
      fields: [
        {
          name: 'user_code',
          label: 'deviceCode',
          type: 'text',
          autocomplete: 'off',
          value: typed,
          hint: 'deviceCodeHint',
          focus: true,
        },
      ],
    },
    links: [],
  }
}

/** What asks, as it said itself and as it was seen: the phrase is what its person compares. */
function askDraft(pairing: PairingRow, typed: string): Draft {
  const { name, agent, source, created_at, device_hash } = pairing
  const program = programName(agent)
  return {
    title: 'deviceAsk',
    lead: 'deviceAskLead',
    facts: [
      { label: 'devicePhrase', text: pairingPhrase(device_hash) },
      { label: 'deviceProgram', text: name ? `${name} (${program})` : program },
      { label: 'deviceNetwork', text: source },
      { label: 'deviceTime', at: created_at },
    ],
    form: {
      action: '/device/answer',
      button: 'deviceAllow',
      choice: { name: 'answer', value: 'allow', other: { value: 'deny', text: 'deviceDeny' } },
      fields: [
        {
          name: 'user_code',
          label: 'deviceCode',
          type: 'hidden',
          autocomplete: 'off',
          value: typed,
        },
      ],
    },
    links: [],
  }
}

const over = (title: Word, lead: Word): Draft => ({ title, lead, links: [] })

function toSignIn(reply: FastifyReply, typed: string): FastifyReply {
  const page = typed ? `/device?user_code=${encodeURIComponent(typed)}` : '/device'
  return reply.redirect(`/sign-in?next=${encodeURIComponent(page)}`, 303)
}

/** What can be a code at all: letters, and what people put between them. */
function typedOf(value: unknown): string {
  const text = typeof value === 'string' ? value.slice(0, MOST_TYPED) : ''
  return text.replace(/[^A-Za-z -]/g, '')
}
