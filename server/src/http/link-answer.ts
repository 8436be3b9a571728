import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../context.ts'
import { languageOf, say, sayError, type Word } from './hub/words.ts'
import { linkPage } from './link-page.ts'

/** One page behind a link: what it says, and what its form asks for. */
export interface LinkPage {
  readonly title: Word
  readonly text: Word
  /** The button; without one there is nothing left to do. */
  readonly button?: Word
  readonly asksPassword?: true
  /** Why the password that was typed is not taken. */
  readonly weakness?: string
  /** What the button says to us, where a page has two. */
  readonly wish?: string
}

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  // Not no-referrer: under that a browser names no Origin for a form, and there is no link out of here.
  'referrer-policy': 'same-origin',
}

/** A page behind a link of a mail, in the reader's language, which no cache keeps. */
export function linkAnswer(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  { title, text, button, asksPassword, weakness, wish = '' }: LinkPage,
): FastifyReply {
  const language = languageOf(app.config, request.headers)
  const page = linkPage({
    language,
    title: say(language, title),
    text: say(language, text),
    problem: weakness ? sayError(language, 'WEAK_PASSWORD', { reason: weakness }) : '',
    button: button ? say(language, button) : '',
    password: asksPassword ? say(language, 'newPassword') : '',
    wish,
  })
  return reply.headers(headers).send(page)
}
