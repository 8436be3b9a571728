const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPENS = new Set([0x5b, 0x7b])
const ENDS = new Set([0x5d, 0x7d])

/** Where a member of the outermost object stands: its name and its value, quotes included. */
interface Member {
  readonly name: string
  readonly nameAt: readonly [start: number, end: number]
  readonly valueAt: readonly [start: number, end: number]
}

/** What to change in the outermost object. Values are JSON texts. */
export interface JsonEdit {
  readonly set?: Readonly<Record<string, string>>
  readonly rename?: Readonly<Record<string, string>>
  /** Put in front of the first member. */
  readonly add?: Readonly<Record<string, string>>
}

/** The same bytes but for the members named: spaces, order and numbers stay as they were sent. The bytes must be one JSON object. */
export function editJson(bytes: Buffer, { set = {}, rename = {}, add = {} }: JsonEdit): Buffer {
  const parts: (Buffer | string)[] = []
  let done = bytes.indexOf(0x7b) + 1
  const members = [...membersOf(bytes)]
  const added = Object.entries(add).map(([name, value]) => `${JSON.stringify(name)}:${value}`)
  parts.push(bytes.subarray(0, done), added.join(','))
  if (added.length > 0 && members.length > 0) parts.push(',')
  const replace = ([start, end]: readonly [number, number], text: string) => {
    parts.push(bytes.subarray(done, start), text)
    done = end
  }
  for (const { name, nameAt, valueAt } of members) {
    if (Object.hasOwn(rename, name)) replace(nameAt, JSON.stringify(rename[name]))
    if (Object.hasOwn(set, name)) replace(valueAt, set[name] ?? 'null')
  }
  parts.push(bytes.subarray(done))
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function* membersOf(bytes: Buffer): Generator<Member> {
  let at = bytes.indexOf(0x7b) + 1
  for (;;) {
    at = bytes.indexOf(QUOTE, at)
    if (at < 0) return
    const nameEnd = endOfString(bytes, at)
    const valueStart = pastSpace(bytes, pastSpace(bytes, nameEnd) + 1)
    const valueEnd = endOfValue(bytes, valueStart)
    const name = String(JSON.parse(bytes.toString('utf8', at, nameEnd)))
    yield { name, nameAt: [at, nameEnd], valueAt: [valueStart, valueEnd] }
    const next = pastSpace(bytes, valueEnd)
    if (bytes[next] !== COMMA) return
    at = next + 1
  }
}

/** Just past a value; nothing in it is read but its brackets and quotes. */
function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1
      if (depth === 0) return at + 1
    } else if (OPENS.has(byte)) depth++
    else if (ENDS.has(byte) && --depth <= 0) return depth < 0 ? at : at + 1
    else if (depth === 0 && (byte === COMMA || byte <= 0x20)) return at
  }
  return bytes.length
}

function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1)
  while (end > 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1)
  return end < 0 ? bytes.length : end + 1
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let first = at
  while (bytes[first - 1] === BACKSLASH) first--
  return (at - first) % 2 === 1
}

function pastSpace(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at++
  return at
}
