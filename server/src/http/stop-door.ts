import { readStop, stopLetters } from '../auth/unwanted.ts'
import type { App } from '../context.ts'
import { formOf, takeForms } from './form.ts'
import { spendLook } from './guards.ts'
import { linkAnswer } from './link-answer.ts'
import type { LinkPage } from './link-page.ts'
import { requireOwnPage } from './own-page.ts'
import type { Http } from './server.ts'

const AGAIN = 'again'

const ask: LinkPage = {
  title: 'No more of these letters?',
  text: 'We write no codes and invitations to this mailbox for half a year, whoever asks for them. An account of yours goes on getting its letters.',
  button: 'Write no more',
}
const stopped: LinkPage = {
  title: 'We write no more',
  text: 'No codes and invitations go to this mailbox for half a year. If you want to make an account before, let us write again.',
  button: 'Write again',
  wish: AGAIN,
}
const resumed: LinkPage = {
  title: 'We write again',
  text: 'Codes and invitations go to this mailbox when somebody asks for them.',
}
const unknown: LinkPage = {
  title: 'This link is not ours',
  text: 'It may have been cut off on its way. Nothing was changed.',
}

/** Where the reader of a letter that they did not ask for stops the next ones. It takes no account. */
export function stopDoor(app: App, http: Http): void {
  void http.register(async (scope) => {
    takeForms(scope)
    const path = '/account/stop/:secret'
    scope.get<{ Params: { secret: string } }>(path, async (request, reply) => {
      await spendLook(app, request)
      const id = readStop(app, request.params.secret)
      if (!id) return linkAnswer(reply, 410, unknown)
      const isStopped = await app.store.mailStops.isStopped([id], request.startedAt)
      return linkAnswer(reply, 200, isStopped ? stopped : ask)
    })
    scope.post<{ Params: { secret: string } }>(path, async (request, reply) => {
      await spendLook(app, request)
      requireOwnPage(app, request)
      const id = readStop(app, request.params.secret)
      if (!id) return linkAnswer(reply, 410, unknown)
      if (formOf(request).get('wish') === AGAIN) {
        await app.store.mailStops.resume(id)
        return linkAnswer(reply, 200, resumed)
      }
      await stopLetters(app, id, request.startedAt)
      return linkAnswer(reply, 200, stopped)
    })
  })
}
