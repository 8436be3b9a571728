import { sameText } from '../auth/keyring.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import type { Inbox } from '../mail/inbox.ts'
import { inboxPage } from './inbox-page.ts'
import type { Http } from './server.ts'

const COOKIE = 'freddy_inbox'
const proxyHeaders = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]

/**
 * `/dev/inbox` (contract section 6): the mails of a server without SMTP, for whoever read the start-up text.
 * Not there at all when the server could be reached from elsewhere.
 */
export function inboxDoor(app: App, http: Http, inbox: Inbox): void {
  const { config } = app
  const host = config.publicUrl ? new URL(config.publicUrl).hostname : config.host
  if (config.smtpUrl || config.trustedProxies.length || !isLoopback(host)) return

  http.get<{ Querystring: { word?: string } }>('/dev/inbox', async (request, reply) => {
    const proxied = Object.keys(request.headers).some(
      (name) => proxyHeaders.includes(name) || name.startsWith('x-forwarded-'),
    )
    if (proxied || !isLoopback(request.origin.address)) throw new ApiError('RESOURCE_NOT_FOUND')
    const { word } = request.query
    if (typeof word === 'string' && sameText(word, inbox.word)) {
      const cookie = `${COOKIE}=${inbox.word}; Path=/dev/inbox; HttpOnly; SameSite=Strict`
      return reply.header('set-cookie', cookie).redirect('/dev/inbox', 303)
    }
    if (!sameText(cookieOf(request.headers.cookie ?? ''), inbox.word)) {
      throw new ApiError('RESOURCE_NOT_FOUND')
    }
    return reply
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy':
          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
      })
      .send(inboxPage(inbox.mails()))
  })
}

function cookieOf(header: string): string {
  const pair = header.split('; ').find((part) => part.startsWith(`${COOKIE}=`))
  return pair?.slice(COOKIE.length + 1) ?? ''
}
