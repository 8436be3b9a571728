import type { FastifyReply } from 'fastify'
import { type LinkPage, linkPage } from './link-page.ts'

/** A page behind a link of a mail, which no cache keeps. */
export function linkAnswer(reply: FastifyReply, status: number, page: LinkPage): FastifyReply {
  return reply
    .code(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      // Not no-referrer: under that a browser names no Origin for a form, and there is no link out of here.
      'referrer-policy': 'same-origin',
    })
    .send(linkPage(page))
}
