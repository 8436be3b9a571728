import { undoEmailChange } from '../auth/email-change.ts'
import { findLink } from '../auth/link.ts'
import { disown, finishReset, proofOf, requireNewPassword, requireOwner } from '../auth/recovery.ts'
import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { LinkPurpose, LinkRow } from '../store/links.ts'
import { callOf, formOf, takeForms } from './form.ts'
import { spendLook } from './guards.ts'
import { type LinkPage, linkAnswer } from './link-answer.ts'
import { requireOwnPage } from './own-page.ts'
import type { Http } from './server.ts'

const over: LinkPage = { title: 'linkOver', text: 'linkOverText' }

interface Door {
  /** What the page asks; opening it uses nothing up, since mail scanners open every link. */
  readonly ask: LinkPage
  /** What its button does, once. False when the link is over. */
  readonly act: (call: Call, link: LinkRow, form: URLSearchParams) => Promise<boolean>
  readonly done: LinkPage
}

const doors: Readonly<Record<LinkPurpose, Door>> = {
  reset: {
    ask: {
      title: 'linkReset',
      text: 'linkResetText',
      button: 'linkResetButton',
      asksPassword: true,
    },
    done: { title: 'linkResetDone', text: 'linkResetDoneText' },
    async act(call, link, form) {
      const user = await requireOwner(call.app, link.user_id)
      const spelt = await requireNewPassword(call.app, user, form.get('new_password') ?? '')
      return finishReset(call, user, proofOf('mail_links', link), spelt)
    },
  },
  'not-me': {
    ask: { title: 'linkNotMe', text: 'linkNotMeText', button: 'linkNotMeButton' },
    done: { title: 'linkNotMeDone', text: 'linkEndedText' },
    act: disown,
  },
  'undo-email': {
    ask: { title: 'linkUndoEmail', text: 'linkUndoEmailText', button: 'linkUndoEmailButton' },
    done: { title: 'linkUndoEmailDone', text: 'linkEndedText' },
    act: undoEmailChange,
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
        return linkAnswer(app, request, reply.code(link ? 200 : 410), link ? door.ask : over)
      })
      scope.post<{ Params: { secret: string } }>(path, async (request, reply) => {
        await spendLook(app, request)
        requireOwnPage(app, request)
        const link = await findLink(app, purpose, request.params.secret, request.startedAt)
        const form = formOf(request)
        try {
          const done = link && (await door.act(callOf(app, request, form), link, form))
          return linkAnswer(app, request, reply.code(done ? 200 : 410), done ? door.done : over)
        } catch (cause) {
          if (!(cause instanceof ApiError) || cause.code !== 'WEAK_PASSWORD') throw cause
          const weakness = `${cause.details?.reason ?? cause.message}.`
          return linkAnswer(app, request, reply.code(422), { ...door.ask, weakness })
        }
      })
    }
  })
}
