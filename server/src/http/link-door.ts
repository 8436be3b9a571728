import type { FastifyReply } from 'fastify'
import { undoEmailChange } from '../auth/email-change.ts'
import { findLink } from '../auth/link.ts'
import { disown, finishReset, proofOf, requireNewPassword, requireOwner } from '../auth/recovery.ts'
import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { LinkPurpose, LinkRow } from '../store/links.ts'
import { callOf, formOf, takeForms } from './form.ts'
import { spendLook } from './guards.ts'
import { linkAnswer } from './link-answer.ts'
import type { LinkPage } from './link-page.ts'
import { requireOwnPage } from './own-page.ts'
import type { Http } from './server.ts'

const over: LinkPage = {
  title: 'This link is over',
  text: 'It was used, or its time has passed, or something ended it. Nothing was changed.',
}

interface Door {
  /** What the page asks; opening it uses nothing up, since mail scanners open every link. */
  readonly ask: LinkPage
  /** What its button does, once. Null when the link is over. */
  readonly act: (call: Call, link: LinkRow, form: URLSearchParams) => Promise<LinkPage | null>
}

const doors: Readonly<Record<LinkPurpose, Door>> = {
  reset: {
    ask: {
      title: 'Choose a new password',
      text: 'Every session of your account ends, and every API key is revoked.',
      button: 'Use this password',
      asksPassword: true,
    },
    async act(call, link, form) {
      const user = await requireOwner(call.app, link.user_id)
      const spelt = await requireNewPassword(call.app, user, form.get('new_password') ?? '')
      const done = await finishReset(call, user, proofOf('mail_links', link), spelt)
      return done ? { title: 'Your password is changed', text: 'Sign in with the new one.' } : null
    },
  },
  'not-me': {
    ask: {
      title: 'Was this not you?',
      text: 'We end every session and every code, make the password useless, and mail you a way to choose another.',
      button: 'It was not me',
    },
    async act(call, link) {
      const text = 'Every session has ended. A way to a new password is on its way to your mailbox.'
      return (await disown(call, link)) ? { title: 'Your account is safe again', text } : null
    },
  },
  'undo-email': {
    ask: {
      title: 'Take this address back?',
      text: 'Your account gets the address back to which this letter went. We end every session, revoke every API key, make the password useless, and mail you a way to choose another.',
      button: 'Take it back',
    },
    async act(call, link) {
      const text = 'Every session has ended. A way to a new password is on its way to your mailbox.'
      return (await undoEmailChange(call, link))
        ? { title: 'It is your address again', text }
        : null
    },
  },
}

/** The pages behind the links of our mails. They work without a script and leave the secret in the path. */
export function linkDoor(app: App, http: Http): void {
  void http.register(async (scope) => {
    takeForms(scope)
    for (const [name, door] of Object.entries(doors)) {
      const purpose = name as LinkPurpose
      const path = `/account/${purpose}/:secret`
      scope.get<{ Params: { secret: string } }>(path, async (request, reply) => {
        await spendLook(app, request)
        const link = await findLink(app, purpose, request.params.secret, request.startedAt)
        return linkAnswer(reply, link ? 200 : 410, link ? door.ask : over)
      })
      scope.post<{ Params: { secret: string } }>(path, async (request, reply) => {
        await spendLook(app, request)
        requireOwnPage(app, request)
        const link = await findLink(app, purpose, request.params.secret, request.startedAt)
        return act(callOf(app, request, formOf(request)), reply, door, link)
      })
    }
  })
}

async function act(
  call: Call<URLSearchParams>,
  reply: FastifyReply,
  door: Door,
  link: LinkRow | null,
): Promise<FastifyReply> {
  try {
    const done = link && (await door.act(call, link, call.body))
    return linkAnswer(reply, done ? 200 : 410, done ?? over)
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.code !== 'WEAK_PASSWORD') throw cause
    return linkAnswer(reply, 422, {
      ...door.ask,
      problem: `${cause.details?.reason ?? cause.message}.`,
    })
  }
}
