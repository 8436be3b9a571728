import type { ApiGroup } from './api-reference.ts'
import { type DocsPage, headingId } from './read-pages.ts'

const MOST_TEXT = 600

/** A part of a page as the search of the reader's browser sees it. */
export interface SearchEntry {
  readonly page: string
  readonly title: string
  readonly url: string
  readonly text: string
}

/** One entry a heading, and one an operation of the API. */
export function searchIndex(
  pages: readonly DocsPage[],
  groups: readonly ApiGroup[],
): SearchEntry[] {
  const parts = pages.flatMap(entriesOf)
  const operations = groups.flatMap(({ name, operations: all }) =>
    all.map(({ id, method, path, summary }) => ({
      page: 'API reference',
      title: `${method} ${path}`,
      url: `/docs/api/${name}#${id}`,
      text: summary,
    })),
  )
  return [...parts, ...operations]
}

function entriesOf({ name, short, text }: DocsPage): SearchEntry[] {
  const parts = text
    .replace(/^(```.*\n)([\s\S]*?)^```$/gm, (_, _fence, code: string) => hidden(code))
    .split(/^(?=#{1,4} )/m)
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [, marks = '', heading = short] = /^(#+) (.+)\n?/.exec(part) ?? []
      const url = `/docs/${name}${marks.length > 1 ? `#${headingId(heading)}` : ''}`
      const body = part.replace(/^#+ .+\n?/, '')
      return { page: short, title: clean(heading), url, text: clean(body).slice(0, MOST_TEXT) }
    })
}

/** A line of code that begins with a hash is no heading. */
const hidden = (code: string) => code.replace(/^#/gm, ' #')

const clean = (text: string) =>
  text
    .replace(/<[^>]+>/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[-| ]+$/gm, ' ')
    .replace(/[`*|]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
