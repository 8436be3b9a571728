import Handlebars from 'handlebars'

const SHORT_CODE = 10
const styles = {
  paragraph: 'margin:0 0 16px',
  small: 'margin:0 0 12px;font-size:14px;line-height:1.5;opacity:.85',
  code: 'margin:0 0 16px;font:600 34px/1.2 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.12em',
  longCode:
    'margin:0 0 16px;font:600 18px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere',
  link: 'overflow-wrap:anywhere;word-break:break-word',
} as const

const escaped = Handlebars.escapeExpression

/** The line after which a text is small print. It is no part of the mail. */
export const SMALL_PRINT = /^---$/m

/**
 * The HTML of a letter's text, so that both parts say the same: a paragraph each, an indented line as a code, a line
 * that is one of our links as a link. Everything is escaped, and nothing else becomes a link.
 */
export function letterHtml(text: string, links: readonly string[]): string {
  const [main = '', small = ''] = text.split(SMALL_PRINT)
  const rows = [...paragraphs(main, styles.paragraph), ...paragraphs(small, styles.small)]
  return rows.map(({ lines, style }) => paragraph(lines, style, links)).join('\n')
}

function paragraphs(text: string, style: string) {
  return text
    .split(/\n\s*\n/)
    .map((part) => part.split('\n').filter((line) => line.trim() !== ''))
    .filter((lines) => lines.length > 0)
    .map((lines) => ({ lines, style }))
}

function paragraph(lines: readonly string[], style: string, links: readonly string[]): string {
  if (lines.every((line) => line.startsWith('    '))) {
    const code = lines.map((line) => line.trim()).join('\n')
    const shown = code.length > SHORT_CODE ? styles.longCode : styles.code
    return `<p style="${shown}">${escaped(code)}</p>`
  }
  const inner = lines.map((line) =>
    links.includes(line.trim()) ? link(line.trim()) : escaped(line),
  )
  return `<p style="${style}">${inner.join('<br>\n')}</p>`
}

const link = (url: string) => `<a href="${escaped(url)}" style="${styles.link}">${escaped(url)}</a>`
