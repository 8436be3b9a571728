import { readdirSync, readFileSync } from 'node:fs'
import { Marked } from 'marked'
import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { docsPage } from './docs-page.ts'
import type { Http } from './server.ts'

const folder = new URL('../../../docs/', import.meta.url)
/** The address that the pages speak of; shown as the one that the reader has. */
const EXAMPLE = 'http://localhost:3000'
/** What to read first; pages that are not named follow by name. */
const order = [
  'login-flow',
  'hub',
  'device-login',
  'second-factors',
  'sessions',
  'account',
  'api-keys',
  'typescript',
  'typescript-api',
  'python-api',
  'gateway',
  'behind-a-proxy',
  'verifying',
  'webhooks',
  'usage',
  'errors',
  'rate-limits',
  'configuration',
  'operating',
  'scaling',
  'deploying',
  'upgrading',
  'metrics',
  'mail',
  'import',
  'storage',
  'security',
]

/** Paths that clients of old have bookmarked. */
const bookmarks: Readonly<Record<string, string>> = {
  '/docs/documentation/authentication': '/docs/login-flow',
  '/docs/documentation/rate-limiting': '/docs/rate-limits',
  '/docs/documentation/error-handling': '/docs/errors',
  '/docs/api-reference/authentication/login/login': '/docs/login-flow',
}

export interface DocsPage {
  readonly name: string
  readonly title: string
  /** The first sentence, for the list of pages. */
  readonly lead: string
  readonly html: string
  /** As it lies in `docs/`. */
  readonly text: string
}

/** The documentation, as it lies in `docs/`: read and rendered once, for whoever comes first. */
export function docsPages(app: App, http: Http): void {
  for (const [from, to] of Object.entries(bookmarks)) {
    http.get(from, async (_request, reply) => reply.redirect(to, 301))
  }
  let read: readonly DocsPage[] | undefined
  const pages = () => {
    read ??= readPages()
    return read
  }
  const baseOf = (host: string | undefined) => app.config.publicUrl ?? `http://${host}`
  http.get<{ Params: { name: string } }>('/docs/:name', async (request, reply) => {
    const [, wanted, ending] = /^(.+?)(\.md)?$/.exec(request.params.name) ?? []
    const page = pages().find(({ name }) => name === wanted)
    if (!page) throw new ApiError('RESOURCE_NOT_FOUND')
    const base = baseOf(request.headers.host)
    if (ending) return reply.type(PLAIN).send(page.text.replaceAll(EXAMPLE, base))
    return reply.headers(headers).send(docsPage(pages(), page).replaceAll(EXAMPLE, base))
  })
  http.get('/llms.txt', async (request, reply) =>
    reply.type(PLAIN).send(listOf(pages(), baseOf(request.headers.host))),
  )
  http.get('/docs', async (_request, reply) => reply.headers(headers).send(docsPage(pages(), null)))
}

const PLAIN = 'text/plain; charset=utf-8'

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
}

/** The pages for programs that read (llmstxt.org): what each is about, and where it is as text. */
function listOf(pages: readonly DocsPage[], base: string): string {
  const rows = pages.map(
    ({ name, title, lead }) => `- [${title}](${base}/docs/${name}.md): ${lead}`,
  )
  return [
    '# Freddy Auth',
    '',
    '> Puts two-step e-mail sign-in and API keys in front of an AI API, or any HTTP API.',
    '',
    '## Documentation',
    '',
    ...rows,
    `- [OpenAPI](${base}/openapi.json): every route, field and error, as OpenAPI 3.1`,
    '',
  ].join('\n')
}

function readPages(): DocsPage[] {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1)).map(readPage)
}

function readPage(name: string): DocsPage {
  const text = readFileSync(new URL(`${name}.md`, folder), 'utf8')
  const [, title = name] = /^# (.+)$/m.exec(text) ?? []
  const [, paragraph = ''] = /^# .+\n+(?!```)([^\n#|][^\n]*(?:\n[^\n]+)*)/m.exec(text) ?? []
  const [lead = ''] = paragraph.replaceAll('\n', ' ').match(/^.*?\.(?= |$)/) ?? [paragraph]
  const html = markdown.parse(text, { async: false })
  return { name, title, lead: lead.replace(/[`*]/g, ''), html, text }
}

/** Headings can be pointed at, and pages point at each other as they are served. */
const markdown = new Marked({
  renderer: {
    heading({ tokens, depth, text }) {
      const id = text.toLowerCase().replace(/[^a-z0-9]+/g, '-')
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`
    },
    link({ href, tokens }) {
      const local = /^([a-z-]+)\.md(#.*)?$/.exec(href)
      const target = local ? `/docs/${local[1]}${local[2] ?? ''}` : href
      return `<a href="${target}">${this.parser.parseInline(tokens)}</a>`
    },
    table(token) {
      const cells = (row: typeof token.header, tag: string) =>
        `<tr>${row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`
      const rows = token.rows.map((row) => cells(row, 'td')).join('')
      const head = cells(token.header, 'th')
      return `<div class="wide" tabindex="0"><table><thead>${head}</thead><tbody>${rows}</tbody></table></div>`
    },
  },
})
