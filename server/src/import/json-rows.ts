/** A row of a file: its first line, counted from one, and its text; or, in its place, what is wrong with it. */
export interface Row {
  readonly line: number
  /** The list that it stands in, where the file has several. */
  readonly list: string
  readonly text: string
  readonly problem: string | null
}

/** How a JSON file is laid out: an object a line, objects one after the other or in a list, or lists with names. */
export type Layout = 'lines' | 'objects' | readonly string[]

/** No person takes more; what does is reported, and not held in memory. */
const MOST_CHARACTERS = 1_000_000
const TOO_LARGE = 'is larger than a megabyte'
const NO_OBJECT = 'is no object'
const CUT_OFF = 'is cut off: the file ends in the middle of it'

/**
 * The rows of a JSON file, whatever its size. Here it is only said where each begins and ends; JSON.parse reads them,
 * one at a time, so that a broken one spoils no other and can be named by its line.
 */
export async function* jsonRows(
  chunks: AsyncIterable<string>,
  layout: Layout,
): AsyncGenerator<Row> {
  if (layout === 'lines') return yield* lineRows(chunks)
  const reader = new ObjectReader(layout === 'objects' ? null : layout)
  for await (const chunk of chunks) yield* reader.read(chunk)
  yield* reader.end()
}

async function* lineRows(chunks: AsyncIterable<string>): AsyncGenerator<Row> {
  let line = 1
  let rest = ''
  let isTooLarge = false
  const row = (text: string): Row => {
    const problem = isTooLarge ? TOO_LARGE : null
    isTooLarge = false
    return { line, list: '', text: problem ? '' : text, problem }
  }
  for await (const chunk of chunks) {
    const [first = '', ...more] = chunk.split('\n')
    rest += first
    for (const next of more) {
      if (rest.trim() || isTooLarge) yield row(rest)
      rest = next
      line += 1
    }
    if (rest.length > MOST_CHARACTERS) {
      isTooLarge = true
      rest = ''
    }
  }
  if (rest.trim() || isTooLarge) yield row(rest)
}

/** Follows braces, brackets and strings, and nothing else of JSON. */
class ObjectReader {
  readonly #lists: readonly string[] | null
  #line = 1
  #depth = 0
  #inString = false
  #isEscaped = false
  /** The last string at the top of the file, and whether it names what follows. */
  #name: string | null = null
  /** The list that rows stand in now; null between the lists of a file that has names for them. */
  #list: string | null
  /** How deep the rows lie: 0 for one after the other. */
  #rowDepth = 0
  #row: { line: number; parts: string[]; length: number } | null = null
  #isStray = false

  constructor(lists: readonly string[] | null) {
    this.#lists = lists
    this.#list = lists ? null : ''
  }

  *read(chunk: string): Generator<Row> {
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const character = chunk.charAt(at)
      if (character === '\n') this.#line += 1
      if (this.#inString) {
        this.#readString(character)
        continue
      }
      if (this.#strays(character)) {
        yield { line: this.#line, list: this.#list ?? '', text: '', problem: NO_OBJECT }
      }
      if (character === '{' && this.#isBetweenRows()) {
        this.#row = { line: this.#line, parts: [], length: 0 }
        from = at
      }
      const isOver = this.#follow(character)
      if (!isOver || !this.#row) continue
      this.#keep(chunk.slice(from, at + 1))
      yield this.#finish(null)
    }
    if (this.#row) this.#keep(chunk.slice(from))
  }

  *end(): Generator<Row> {
    if (this.#row) yield this.#finish(CUT_OFF)
    else if (this.#depth > 0) yield { line: this.#line, list: '', text: '', problem: CUT_OFF }
  }

  /** True once for each number, word or string that stands where a row should. */
  #strays(character: string): boolean {
    if (!this.#isBetweenRows()) return false
    const isOutside = /[\s,{}[\]]/.test(character)
    const isNew = !isOutside && !this.#isStray
    this.#isStray = !/[,{]/.test(character) && (this.#isStray || isNew)
    return isNew
  }

  #isBetweenRows(): boolean {
    return !this.#row && this.#list !== null && this.#depth === this.#rowDepth
  }

  #keep(part: string): void {
    if (!this.#row) return
    this.#row.length += part.length
    if (this.#row.length <= MOST_CHARACTERS) this.#row.parts.push(part)
    else this.#row.parts = []
  }

  #finish(cut: string | null): Row {
    const { line, parts, length } = this.#row ?? { line: this.#line, parts: [], length: 0 }
    const problem = length > MOST_CHARACTERS ? TOO_LARGE : cut
    const row = { line, list: this.#list ?? '', text: problem ? '' : parts.join(''), problem }
    this.#row = null
    return row
  }

  #readString(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (character === '\\') this.#isEscaped = true
    else if (character === '"') this.#inString = false
    else if (this.#depth === 1 && this.#lists) this.#name += character
  }

  /** True when this character ends the row that is open. */
  #follow(character: string): boolean {
    switch (character) {
      case '"':
        this.#inString = true
        if (this.#depth === 1) this.#name = ''
        return false
      case '[':
        this.#enter()
        return false
      case '{':
        this.#depth += 1
        return false
      case ']':
        this.#leave()
        return false
      case '}':
        this.#depth -= 1
        return this.#depth === this.#rowDepth
      default:
        return false
    }
  }

  #enter(): void {
    if (!this.#lists && this.#depth === 0) this.#rowDepth = 1
    if (this.#lists && this.#depth === 1 && this.#lists.includes(this.#name ?? '')) {
      this.#list = this.#name
      this.#rowDepth = 2
    }
    this.#depth += 1
  }

  #leave(): void {
    this.#depth -= 1
    if (this.#depth >= this.#rowDepth || this.#row) return
    this.#rowDepth = 0
    if (this.#lists) this.#list = null
  }
}
