import { isUtf8 } from 'node:buffer'
import { ApiError } from '../errors.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPENS_ARRAY = 0x5b
const ENDS_ARRAY = 0x5d
const OPENS_OBJECT = 0x7b
const ENDS_OBJECT = 0x7d

/** What parts weigh, by the time that they take, and what they may weigh together: half a million numbers, or 50,000 members. */
const WEIGHTS = { value: 1, bracket: 4, name: 9 } as const
const MOST_WEIGHT = 500_000

/** One nesting level while reading. Objects at one depth follow each other, so they can share `names`. */
interface Level {
  /** Which object is open here; 0 for an array. */
  object: number
  /** The name this object stands under, empty inside an array. */
  under: string
  /** Every name met at this depth, with the object that had it last. */
  readonly names: Map<string, number>
}

/**
 * The value of a request body. Throws MALFORMED_REQUEST for bytes that are not UTF-8, text that is not JSON
 * (an empty body and a byte order mark included), more than `maxDepth` levels, a name twice in one object
 * and names that reach for prototypes: two readers of one body must not see two requests
 * (RFC 8259 section 4, RFC 7493 section 2.3). And for one of more parts than anybody needs: while it is read nobody
 * else is served, and what a part takes has little to do with its bytes.
 */
export function parseJson(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8')
  const text = bytes.toString('utf8')
  checkStructure(text, maxDepth)
  return parse(text)
}

function malformed(reason: string): ApiError {
  return new ApiError('MALFORMED_REQUEST', { details: { reason } })
}

/**
 * Depth and names, before the parser builds anything. It assumes valid JSON and only promises to end on
 * anything else: what is not JSON, the parser refuses afterwards.
 */
function checkStructure(text: string, maxDepth: number): void {
  const levels: Level[] = []
  let depth = 0
  let objects = 0
  let name = ''
  let nameIsNext = false
  let weight = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at)
        const level = levels[depth - 1]
        if (nameIsNext && level?.object) {
          name = readName(text, at, end)
          checkName(name, level)
          nameIsNext = false
          weight += WEIGHTS.name
        }
        at = end
        break
      }
      case COMMA:
        nameIsNext = true
        weight += WEIGHTS.value
        if (weight > MOST_WEIGHT) throw malformed('The body has too many parts')
        break
      case OPENS_OBJECT:
        objects++
        weight += WEIGHTS.bracket
        if (++depth > maxDepth) throw malformed('The body is nested too deeply')
        open(levels, depth, objects, levels[depth - 2]?.object ? name : '')
        nameIsNext = true
        break
      case OPENS_ARRAY:
        weight += WEIGHTS.bracket
        if (++depth > maxDepth) throw malformed('The body is nested too deeply')
        open(levels, depth, 0, '')
        break
      case ENDS_OBJECT:
      case ENDS_ARRAY:
        if (--depth < 0) throw malformed('The body is not JSON')
    }
  }
}

/** Where the string that starts at `start` has its closing quote. Reads every character at most twice. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  if (end === -1) throw malformed('The body is not JSON')
  return end
}

function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text.charCodeAt(first - 1) === BACKSLASH) first--
  return (at - first) % 2 === 1
}

function readName(text: string, start: number, end: number): string {
  const name = text.slice(start + 1, end)
  return name.includes('\\') ? String(parse(text.slice(start, end + 1))) : name
}

function checkName(name: string, level: Level): void {
  if (level.names.get(name) === level.object) throw malformed('A name stands twice in one object')
  level.names.set(name, level.object)
  const reaches = name === 'prototype' && level.under === 'constructor'
  if (reaches || name === '__proto__') throw malformed('A name is not allowed')
}

function open(levels: Level[], depth: number, object: number, under: string): void {
  const level = levels[depth - 1]
  if (!level) {
    levels.push({ object, under, names: new Map() })
    return
  }
  level.object = object
  level.under = under
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('The body is not JSON')
  }
}
