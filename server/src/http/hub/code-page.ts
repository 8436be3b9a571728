import type { FastifyRequest } from 'fastify'
import { resendWait, rules } from '../../auth/challenge.ts'
import { deliveryOf } from '../../auth/delivery.ts'
import { assertionOptions } from '../../auth/passkey.ts'
import { shortestPassword } from '../../auth/password.ts'
import { type Method, methodsOf } from '../../auth/second-step.ts'
import { TOTP_SHAPE } from '../../auth/totp.ts'
import type { App } from '../../context.ts'
import type { ChallengeRow } from '../../store/challenges.ts'
import { formOf } from '../form.ts'
import { type Draft, onward } from './door.ts'
import type { Field, Link } from './sign-in-page.ts'
import { languageOf, say, type Word } from './words.ts'

/** A code that is being asked for. */
export interface Asked {
  readonly emailKey: string
  readonly challenge: ChallengeRow
}

const ways: Readonly<Partial<Record<Method, Word>>> = {
  email: 'byEmail',
  totp: 'byTotp',
  recovery_code: 'byRecovery',
}

/** The page that asks for it, by the way that the person chose. */
export async function codeDraft(app: App, request: FastifyRequest, asked: Asked): Promise<Draft> {
  const { challenge } = asked
  const { user_id: userId, purpose } = challenge
  const methods = purpose === 'login' && userId ? await methodsOf(app, userId) : ['email' as const]
  const method = chosenOf(request, methods)
  const passkey = methods.includes('passkey') && userId
  const options = passkey ? await assertionOptions(app, challenge, userId) : null
  return {
    ...titleOf(challenge, method),
    values: {
      email: challenge.address,
      digits: challenge.digits,
      least: shortestPassword(app),
    },
    form: {
      action: onward('/sign-in/code', request),
      button: purpose === 'password_reset' ? 'changePassword' : 'verify',
      fields: fieldsOf(challenge, method, options !== null),
      ...(options ? { passkey: JSON.stringify(options) } : {}),
    },
    ...(method === 'email' ? { mail: await mailOf(app, request, asked) } : {}),
    links: [...otherWays(request, methods, method), { href: '/sign-in', text: 'startAgain' }],
  }
}

export function overDraft(request: FastifyRequest): Draft {
  return {
    title: 'signIn',
    lead: 'attemptOver',
    links: [{ href: onward('/sign-in', request), text: 'signIn' }],
  }
}

/** How its mail fares, in a sentence, and whether there can be another. */
export async function mailOf(
  app: App,
  request: FastifyRequest,
  { challenge }: Asked,
): Promise<NonNullable<Draft['mail']>> {
  const language = languageOf(app.config, request.headers)
  const { state, reason } = await deliveryOf(app, challenge)
  const isHere = state === 'sent' && !app.config.smtpUrl
  const word = isHere ? 'deliveryHere' : deliveryWords[state]
  const { mostMails } = rules[challenge.purpose]
  return {
    state: say(language, word, { reason: reason ?? '' }),
    waitSeconds: Math.ceil(resendWait(challenge, request.startedAt) / 1000),
    mayResend: challenge.mails < mostMails && request.startedAt < challenge.resend_until,
  }
}

const deliveryWords = {
  queued: 'deliveryQueued',
  sent: 'deliverySent',
  delayed: 'deliveryDelayed',
  refused: 'deliveryRefused',
} as const satisfies Record<string, Word>

function chosenOf(request: FastifyRequest, methods: readonly Method[]): Method {
  const { method } = request.query as { method?: unknown }
  const asked = formOf(request).get('method') ?? method
  return methods.find((each) => each === asked && each in ways) ?? 'email'
}

function titleOf({ purpose }: ChallengeRow, method: Method): Pick<Draft, 'title' | 'lead'> {
  if (purpose === 'password_reset') return { title: 'forgotTitle', lead: 'resetLead' }
  if (method === 'totp') return { title: 'signIn', lead: 'totpLead' }
  if (method === 'recovery_code') return { title: 'signIn', lead: 'recoveryLead' }
  return { title: 'checkMail', lead: 'codeLead' }
}

function fieldsOf(
  { purpose, digits }: ChallengeRow,
  method: Method,
  mayUsePasskey: boolean,
): Field[] {
  if (method === 'recovery_code') {
    return [
      hidden(method),
      {
        name: 'recovery_code',
        label: 'recoveryCode',
        type: 'text',
        autocomplete: 'off',
        focus: true,
      },
    ]
  }
  const code: Field = {
    name: 'verification_code',
    label: 'code',
    type: 'code',
    autocomplete: mayUsePasskey ? 'one-time-code webauthn' : 'one-time-code',
    digits: method === 'totp' ? TOTP_SHAPE.digits : digits,
    focus: true,
  }
  if (purpose !== 'password_reset') return [hidden(method), code]
  return [
    code,
    {
      name: 'new_password',
      label: 'newPassword',
      type: 'password',
      autocomplete: 'new-password',
      hint: 'passwordHint',
    },
  ]
}

function hidden(method: Method): Field {
  return { name: 'method', label: 'code', type: 'hidden', autocomplete: 'off', value: method }
}

function otherWays(request: FastifyRequest, methods: readonly Method[], current: Method): Link[] {
  const page = onward('/sign-in/code', request)
  const joint = page.includes('?') ? '&' : '?'
  return methods.flatMap((method) => {
    const text = ways[method]
    if (!text || method === current) return []
    return [{ href: `${page}${joint}method=${method}`, text }]
  })
}
