import { gzipSync } from 'node:zlib'
import type { App } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import { describeApi } from '../openapi.ts'
import type { Http } from '../server.ts'
import { apiGroup, apiIndex } from './api-pages.ts'
import { type ApiDescription, type ApiGroup, apiReference } from './api-reference.ts'
import { docsPage } from './docs-page.ts'
import { type DocsPage, headingId, readPages } from './read-pages.ts'
import { searchIndex } from './search-index.ts'
import { sections } from './sections.ts'
import { siteFiles } from './site-files.ts'

/** The address that the pages speak of; shown as the one that the reader has. */
const EXAMPLE = 'http://localhost:3000'
const PLAIN = 'text/plain; charset=utf-8'

/** Paths that clients of old have bookmarked. */
const bookmarks: Readonly<Record<string, string>> = {
  '/docs/documentation/authentication': '/docs/login-flow',
  '/docs/documentation/rate-limiting': '/docs/rate-limits',
  '/docs/documentation/error-handling': '/docs/errors',
  '/docs/api-reference/authentication/login/login': '/docs/login-flow',
}

/** Our files only, and no script within a page. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
}

interface Site {
  readonly pages: readonly DocsPage[]
  readonly groups: readonly ApiGroup[]
}

/** The documentation, as it lies in `docs/` and as the API describes itself: read and rendered once, for whoever comes first. */
export function docsDoor(app: App, http: Http): void {
  for (const [from, to] of Object.entries(bookmarks)) {
    http.get(from, async (_request, reply) => reply.redirect(to, 301))
  }
  const site = once(async (): Promise<Site> => {
    const groups = apiReference((await describeApi()) as ApiDescription)
    return { pages: withReference(readPages(), groups), groups }
  })
  const index = once(async () => {
    const { pages, groups } = await site()
    return gzipSync(JSON.stringify(searchIndex(pages, groups)))
  })
  const baseOf = (host: string | undefined) => app.config.publicUrl ?? `http://${host}`

  siteFiles(http)
  http.get('/docs', async (_request, reply) =>
    reply.headers(headers).send(docsPage((await site()).pages, null)),
  )
  http.get<{ Params: { name: string } }>('/docs/:name', async (request, reply) => {
    const [, wanted, ending] = /^(.+?)(\.md)?$/.exec(request.params.name) ?? []
    const { pages } = await site()
    const page = pages.find(({ name }) => name === wanted)
    if (!page) throw new ApiError('RESOURCE_NOT_FOUND')
    const base = baseOf(request.headers.host)
    if (ending) return reply.type(PLAIN).send(page.text.replaceAll(EXAMPLE, base))
    return reply.headers(headers).send(docsPage(pages, page).replaceAll(EXAMPLE, base))
  })
  http.get<{ Params: { group: string } }>('/docs/api/:group', async (request, reply) => {
    const { pages, groups } = await site()
    const group = groups.find(({ name }) => name === request.params.group)
    if (!group) throw new ApiError('RESOURCE_NOT_FOUND')
    return reply.headers(headers).send(docsPage(pages, groupPage(group)))
  })
  http.get('/docs/search.json', async (_request, reply) =>
    reply
      .headers({
        'content-type': 'application/json; charset=utf-8',
        'content-encoding': 'gzip',
        'cache-control': 'max-age=300',
      })
      .send(await index()),
  )
  http.get('/llms.txt', async (request, reply) =>
    reply.type(PLAIN).send(listOf((await site()).pages, baseOf(request.headers.host))),
  )
}

/** The list of routes stands among the pages, where a reader looks for it. */
function withReference(pages: readonly DocsPage[], groups: readonly ApiGroup[]): DocsPage[] {
  const routes = groups.flatMap(({ title, operations }) => [
    `## ${title}`,
    '',
    ...operations.map(({ method, path, summary }) => `- \`${method} ${path}\`: ${summary}`),
    '',
  ])
  const lead = 'Every route, field by field, as this server describes itself.'
  const reference: DocsPage = {
    name: 'api',
    title: 'API reference',
    short: 'API reference',
    section: sections.find(([, names]) => names.includes('api'))?.[0] ?? '',
    lead,
    html: apiIndex(groups),
    text: ['# API reference', '', lead, '', ...routes].join('\n'),
    headings: groups.map(({ title }) => ({ id: headingId(title), title, depth: 2 })),
  }
  const at = pages.findIndex(({ name }) => name === 'errors')
  return [...pages.slice(0, at), reference, ...pages.slice(at)]
}

function groupPage(group: ApiGroup) {
  const headings = group.operations.map(({ id, method, path }) => ({
    id,
    title: `${method} ${path.replace('/v1', '')}`,
    depth: 2,
  }))
  const lead = `Routes, field by field: ${group.title}.`
  return { name: 'api', title: group.title, lead, html: apiGroup(group), headings }
}

/** The pages for programs that read (llmstxt.org): what each is about, and where it is as text. */
function listOf(pages: readonly DocsPage[], base: string): string {
  const rows = sections.flatMap(([section]) => [
    `## ${section}`,
    '',
    ...pages.filter((page) => page.section === section).map(rowOf),
    '',
  ])
  const named = new Set(sections.map(([section]) => section))
  const others = pages.filter(({ section }) => !named.has(section))
  function rowOf({ name, title, lead }: DocsPage): string {
    return `- [${title}](${base}/docs/${name}.md): ${lead}`
  }
  return [
    '# Freddy Auth',
    '',
    '> Puts two-step e-mail sign-in and API keys in front of an AI API, or any HTTP API.',
    '',
    ...rows,
    ...(others.length > 0 ? ['## More', '', ...others.map(rowOf), ''] : []),
    '## For programs',
    '',
    `- [OpenAPI](${base}/openapi.json): every route, field and error, as OpenAPI 3.1`,
    '',
  ].join('\n')
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
