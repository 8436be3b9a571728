import type { FastifyRequest } from 'fastify'
import { sameText } from '../auth/keyring.ts'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import type { Inbox } from '../mail/inbox.ts'
import { sendPage } from './hub/page.ts'
import { inboxPage, placeOf } from './inbox-page.ts'
import type { Http } from './server.ts'

const COOKIE = 'freddy_inbox'
const proxyHeaders = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]

/** A mail as its sender made it: styles of its own, and nothing that runs or is fetched. */
const mailHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups; frame-ancestors 'self'",
  'referrer-policy': 'no-referrer',
}

/**
 * `/dev/inbox` (contract section 6): the mails of a server without SMTP, for whoever read the start-up text.
 * Not there at all when the server could be reached from elsewhere.
 */
export function inboxDoor(app: App, http: Http, inbox: Inbox): void {
  const { config } = app
  const host = config.publicUrl ? new URL(config.publicUrl).hostname : config.host
  if (config.smtpUrl || config.trustedProxies.length || !isLoopback(host)) return

  http.get<{ Querystring: { word?: string } }>('/dev/inbox', async (request, reply) => {
    requireLocal(request)
    const { word } = request.query
    if (typeof word === 'string' && sameText(word, inbox.word)) {
      const cookie = `${COOKIE}=${inbox.word}; Path=/dev/inbox; HttpOnly; SameSite=Strict`
      return reply.header('set-cookie', cookie).redirect('/dev/inbox', 303)
    }
    requireWord(request, inbox)
    return sendPage(reply, 200, inboxPage(inbox.mails()))
  })

  // The page asks for it every other second, and reads itself anew when a mail came.
  http.get('/dev/inbox/newest', async (request, reply) => {
    requireLocal(request)
    requireWord(request, inbox)
    const [newest] = inbox.mails()
    return reply.header('cache-control', 'no-store').send({ id: newest?.messageId ?? null })
  })

  http.get<{ Params: { place: string } }>('/dev/inbox/mail/:place', async (request, reply) => {
    requireLocal(request)
    requireWord(request, inbox)
    const mail = inbox.mails().find((each) => placeOf(each) === request.params.place)
    if (!mail) throw new ApiError('RESOURCE_NOT_FOUND')
    return reply.headers(mailHeaders).send(mail.html)
  })
}

function requireLocal({ headers, origin }: FastifyRequest): void {
  const proxied = Object.keys(headers).some(
    (name) => proxyHeaders.includes(name) || name.startsWith('x-forwarded-'),
  )
  if (proxied || !isLoopback(origin.address)) throw new ApiError('RESOURCE_NOT_FOUND')
}

function requireWord({ headers }: FastifyRequest, inbox: Inbox): void {
  if (!sameText(cookieOf(headers.cookie ?? ''), inbox.word)) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
}

function cookieOf(header: string): string {
  const pair = header.split('; ').find((part) => part.startsWith(`${COOKIE}=`))
  return pair?.slice(COOKIE.length + 1) ?? ''
}
