import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { type Info, parse } from 'csv-parse'
import { ConfigError } from '../config.ts'
import { jsonRows, type Layout } from './json-rows.ts'

/** What a row says, by the names that its file gives; or why it cannot be read. */
export interface ExportRow {
  readonly line: number
  /** The list that it stands in, where a JSON file has several with names. */
  readonly list: string
  readonly fields: Fields
  readonly problem: string | null
}

export type Fields = Readonly<Record<string, unknown>>

/** A file that another server exported: what it begins with, and its rows from the first on, as often as asked. */
export interface ExportFile {
  readonly head: string
  readonly isJson: boolean
  rows(): AsyncGenerator<ExportRow>
}

const HEAD_BYTES = 65_536
const CHUNK_BYTES = 262_144
/** Names of lists of people in files that hold more than one list. */
const LISTS = ['users', 'user', 'accounts', 'account']
const NAMED_LIST = /"(?:users?|accounts?)"\s*:\s*\[|"realm"\s*:/
const MOST_RECORD = 1_000_000

/** `columns` names the cells of a table without a line of names; null when the first line has them. */
export function openExport(path: string, columns: (head: string) => string[] | null): ExportFile {
  const head = readHead(path)
  const isJson = /^\s*[{[]/.test(head)
  const rows = () =>
    isJson ? readJson(path, layoutOf(head)) : readTable(path, head, columns(head))
  return { head, isJson, rows }
}

function readHead(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new ConfigError([`There is no file ${path}.`])
  }
  const bytes = Buffer.alloc(HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    const head = bytes.subarray(0, readSync(file, bytes))
    if (head.includes(0))
      throw new ConfigError([`${path} is not UTF-8 text. Export or save it as UTF-8.`])
    const text = head.toString('utf8').replace(/^\ufeff/, '')
    if (!text.trim()) throw new ConfigError([`${path} is empty.`])
    return text
  } finally {
    closeSync(file)
  }
}

/** An object a line when the first line is one; otherwise lists with names, or one list, or objects in a row. */
function layoutOf(head: string): Layout {
  const first = tryParse(head.trimStart().split('\n')[0] ?? '')
  const isObject = typeof first === 'object' && first !== null && !Array.isArray(first)
  const hasList = isObject && LISTS.some((name) => Array.isArray((first as Fields)[name]))
  if (isObject && !hasList) return 'lines'
  if (hasList) return LISTS
  return head.trimStart().startsWith('{') && NAMED_LIST.test(head) ? LISTS : 'objects'
}

async function* readJson(path: string, layout: Layout): AsyncGenerator<ExportRow> {
  for await (const { line, list, text, problem } of jsonRows(readText(path), layout)) {
    const value = problem ? null : tryParse(text)
    if (isFields(value)) yield { line, list, fields: value, problem: null }
    else yield { line, list, fields: {}, problem: problem ?? 'is not JSON' }
  }
}

async function* readText(path: string): AsyncGenerator<string> {
  let isFirst = true
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES })
  for await (const chunk of stream) {
    yield isFirst ? String(chunk).replace(/^\ufeff/, '') : String(chunk)
    isFirst = false
  }
}

async function* readTable(
  path: string,
  head: string,
  columns: string[] | null,
): AsyncGenerator<ExportRow> {
  const skipped: ExportRow[] = []
  const records = createReadStream(path, { highWaterMark: CHUNK_BYTES }).pipe(
    parse({
      bom: true,
      columns: columns ?? ((names: string[]) => names.map((name) => name.trim().toLowerCase())),
      delimiter: delimiterOf(head),
      info: true,
      raw: true,
      max_record_size: MOST_RECORD,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      on_skip: (cause) => {
        const line = Number((cause as { lines?: number } | undefined)?.lines ?? 0)
        const problem = `cannot be read: ${cause?.message ?? 'broken'}`
        skipped.push({ line, list: '', fields: {}, problem })
      },
    }),
  )
  for await (const record of records) {
    yield* skipped.splice(0)
    const { record: fields, info, raw } = record as { record: Fields; info: Info; raw: string }
    yield { line: firstLine(info, raw), list: '', fields, problem: null }
  }
  yield* skipped.splice(0)
}

/** The parser tells the last line of a record. */
function firstLine(info: Info, raw: string): number {
  return info.lines - (raw.trim().match(/\n/g)?.length ?? 0)
}

/** Whichever of the three the line of names has most. */
function delimiterOf(head: string): string {
  const [first = ''] = head.split('\n', 1)
  const count = (mark: string) => first.split(mark).length
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best))
}

export function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
