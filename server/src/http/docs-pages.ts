import type { Http } from './server.ts'

/** Paths that clients of old have bookmarked. */
const bookmarks: Readonly<Record<string, string>> = {
  '/docs/documentation/authentication': '/docs/login-flow',
  '/docs/documentation/rate-limiting': '/docs/rate-limits',
  '/docs/documentation/error-handling': '/docs/errors',
  '/docs/api-reference/authentication/login/login': '/docs/login-flow',
}

export function docsPages(http: Http): void {
  for (const [from, to] of Object.entries(bookmarks)) {
    http.get(from, async (_request, reply) => reply.redirect(to, 301))
  }
}
