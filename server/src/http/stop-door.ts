import { readStop, stopLetters } from '../auth/unwanted.ts'
import type { App } from '../context.ts'
import { formOf, takeForms } from './form.ts'
import { spendLook } from './guards.ts'
import { type LinkPage, linkAnswer } from './link-answer.ts'
import { requireOwnPage } from './own-page.ts'
import type { Http } from './server.ts'

const AGAIN = 'again'

const ask: LinkPage = { title: 'linkStop', text: 'linkStopText', button: 'linkStopButton' }
const stopped: LinkPage = {
  title: 'linkStopped',
  text: 'linkStoppedText',
  button: 'linkStoppedButton',
  wish: AGAIN,
}
const resumed: LinkPage = { title: 'linkResumed', text: 'linkResumedText' }
const unknown: LinkPage = { title: 'linkUnknown', text: 'linkUnknownText' }

/** Where the reader of a letter that they did not ask for stops the next ones. It takes no account. */
export function stopDoor(app: App, http: Http): void {
  void http.register(async (scope) => {
    takeForms(scope)
    const path = '/account/stop/:secret'
    scope.get<{ Params: { secret: string } }>(path, async (request, reply) => {
      await spendLook(app, request)
      const id = readStop(app, request.params.secret)
      if (!id) return linkAnswer(app, request, reply.code(410), unknown)
      const isStopped = await app.store.mailStops.isStopped([id], request.startedAt)
      return linkAnswer(app, request, reply, isStopped ? stopped : ask)
    })
    scope.post<{ Params: { secret: string } }>(path, async (request, reply) => {
      await spendLook(app, request)
      requireOwnPage(app, request)
      const id = readStop(app, request.params.secret)
      if (!id) return linkAnswer(app, request, reply.code(410), unknown)
      if (formOf(request).get('wish') === AGAIN) {
        await app.store.mailStops.resume(id)
        return linkAnswer(app, request, reply, resumed)
      }
      await stopLetters(app, id, request.startedAt)
      return linkAnswer(app, request, reply, stopped)
    })
  })
}
