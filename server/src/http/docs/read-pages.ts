import { readdirSync, readFileSync } from 'node:fs'
import { Marked } from 'marked'
import { OTHERS, sections, shortTitles } from './sections.ts'

const folder = new URL('../../../../docs/', import.meta.url)
const promises = new URL('../../../../SECURITY.md', import.meta.url)
/** Served as a page of its own; everything else of that name lies in docs/. */
const PROMISES = 'promises'

export interface Heading {
  readonly id: string
  readonly title: string
  readonly depth: number
}

export interface DocsPage {
  readonly name: string
  readonly title: string
  /** What it is called in a list. */
  readonly short: string
  readonly section: string
  /** The first sentence, for the list of pages. */
  readonly lead: string
  readonly html: string
  /** As it lies in `docs/`. */
  readonly text: string
  readonly headings: readonly Heading[]
}

export function readPages(): DocsPage[] {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
  const order = sections.flatMap(([, listed]) => listed)
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return [...names, PROMISES]
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
    .map((name) => readPage(name, fileOf(name)))
}

const fileOf = (name: string) => (name === PROMISES ? promises : new URL(`${name}.md`, folder))

function readPage(name: string, file: URL): DocsPage {
  const text = readFileSync(file, 'utf8')
  const [, title = name] = /^# (.+)$/m.exec(text) ?? []
  const [, paragraph = ''] = /^# .+\n+(?!```|!)([^\n#|][^\n]*(?:\n[^\n]+)*)/m.exec(text) ?? []
  const [lead = ''] = paragraph.replaceAll('\n', ' ').match(/^.*?\.(?= |$)/) ?? [paragraph]
  const headings: Heading[] = []
  const html = markdownWith(headings).parse(text, { async: false })
  const section = sections.find(([, names]) => names.includes(name))?.[0] ?? OTHERS
  const short = shortTitles[name] ?? title
  return { name, title, short, section, lead: plain(lead), html, text, headings }
}

const plain = (text: string) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')

export function headingId(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

/** Headings can be pointed at, and pages point at each other as they are served. */
function markdownWith(headings: Heading[]): Marked {
  return new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const id = headingId(text)
        if (depth > 1) headings.push({ id, title: plain(text), depth })
        const link =
          depth > 1 ? ` <a class="here" href="#${id}" aria-label="Link to this part">#</a>` : ''
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}${link}</h${depth}>\n`
      },
      link({ href, tokens }) {
        return `<a href="${addressOf(href)}">${this.parser.parseInline(tokens)}</a>`
      },
      image({ href, text }) {
        const alt = text.replaceAll('"', '&quot;')
        return `<span class="picture" tabindex="0"><img src="/docs/${href}" alt="${alt}"></span>`
      },
      table(token) {
        const cell = (inner: string, tag: string) => {
          const named = inner === '' ? 'td' : tag
          return `<${named}>${inner}</${named}>`
        }
        const cells = (row: typeof token.header, tag: string) =>
          `<tr>${row.map(({ tokens }) => cell(this.parser.parseInline(tokens), tag)).join('')}</tr>`
        const rows = token.rows.map((row) => cells(row, 'td')).join('')
        const isNamed = token.header.some(({ text }) => text.trim() !== '')
        const head = isNamed ? `<thead>${cells(token.header, 'th')}</thead>` : ''
        return `<div class="wide" tabindex="0"><table>${head}<tbody>${rows}</tbody></table></div>`
      },
      code({ text, lang }) {
        const shown = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
        return `<pre tabindex="0"><code${lang ? ` class="language-${lang}"` : ''}>${shown}\n</code></pre>\n`
      },
    },
  })
}

/** A page of ours as it is served; files of the code have no page. */
function addressOf(href: string): string {
  const local = /^(?:docs\/)?([a-z-]+)\.md(#.*)?$/.exec(href)
  return local ? `/docs/${local[1]}${local[2] ?? ''}` : href
}
