/** Numbers from a seed, so that a run can be told again (mulberry32). */
export function seeded(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (count: number) => Math.floor(next() * count)
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)] as T }
}

export type Dice = ReturnType<typeof seeded>

/** As much of JSON Schema as our own description speaks. */
export interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly items?: Schema
  readonly minItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
}

const odd: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  0.5,
  '',
  ' ',
  '\u0000',
  '\u202eada',
  "' OR '1'='1",
  '"; DROP TABLE users; --',
  '%',
  '_',
  '{{7*7}}',
  '<svg onload=x>',
  '\ud800',
  '💥'.repeat(300),
  'x'.repeat(5000),
  [],
  [[]],
  {},
  { $ne: 1 },
  [null],
  ['a', 'b'],
]

const texts = ['ada', 'ada@example.com', 'nobody@example.com', 'a b', 'é', "o'neil", '%41', '../x']

/** A value that fits its schema. */
export function fitting(schema: Schema, dice: Dice, depth = 0): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return dice.pick(schema.enum)
  if (schema.anyOf) return fitting(dice.pick(schema.anyOf), dice, depth)
  if (schema.type === 'object') return fittingObject(schema, dice, depth)
  if (schema.type === 'array') {
    const count = (schema.minItems ?? 0) + dice.below(3)
    return Array.from({ length: count }, () => fitting(schema.items ?? {}, dice, depth + 1))
  }
  if (schema.type === 'string') return fittingText(schema, dice)
  if (schema.type === 'integer' || schema.type === 'number') {
    const lowest = schema.minimum ?? -1000
    return lowest + dice.below(Math.min((schema.maximum ?? 1000) - lowest + 1, 2 ** 31))
  }
  if (schema.type === 'boolean') return dice.below(2) === 1
  return schema.type === 'null' ? null : dice.pick(odd)
}

function fittingObject(schema: Schema, dice: Dice, depth: number): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) || dice.below(4) === 0) {
      made[name] = fitting(inner, dice, depth + 1)
    }
  }
  return made
}

function fittingText(
  { pattern, format, minLength = 0, maxLength = 40 }: Schema,
  dice: Dice,
): string {
  if (format === 'date-time') return new Date(dice.below(2 ** 31) * 1000).toISOString()
  if (pattern) return matching(pattern, dice)
  const text = dice.pick(texts).slice(0, maxLength)
  return text.length < minLength ? text.padEnd(minLength, 'x') : text
}

/** A text that matches a pattern of literals and character classes, each with its count. */
function matching(pattern: string, dice: Dice): string {
  const parts = pattern
    .replace(/^\^|\$$/g, '')
    .matchAll(/(\[[^\]]+\]|\\?.)(\{(\d+)(?:,(\d+))?\})?/g)
  return [...parts]
    .map(([, atom = '', counted, least = '1', most = least]) => {
      const count = counted ? Number(least) + dice.below(Number(most) - Number(least) + 1) : 1
      return Array.from({ length: count }, () => oneOf(atom, dice)).join('')
    })
    .join('')
}

function oneOf(atom: string, dice: Dice): string {
  if (!atom.startsWith('[')) return atom.replace('\\', '')
  const ranges = [...atom.slice(1, -1).matchAll(/(.)-(.)|(.)/g)]
  const [, from = '', to = from, single = from] = dice.pick(ranges)
  if (single !== from) return single
  const start = from.charCodeAt(0)
  return String.fromCharCode(start + dice.below(to.charCodeAt(0) - start + 1))
}

/** A fitting body with one thing wrong, or at least odd, somewhere in it. */
export function spoilt(schema: Schema, dice: Dice): unknown {
  const body = fitting(schema, dice)
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  if (!isObject || dice.below(8) === 0) return dice.pick(odd)
  const names = Object.keys(schema.properties ?? {})
  const name = dice.pick(names)
  const wrong: Record<string, unknown> = { ...body }
  const spoils = [
    () => delete wrong[dice.pick(schema.required ?? names)],
    () => (wrong[name] = dice.pick(odd)),
    () => (wrong[name] = [wrong[name]]),
    () => (wrong[name] = { [name]: wrong[name] }),
    () => (wrong[dice.pick(['user_id', 'admin', 'is_admin', 'code', 'otp', ' '])] = dice.pick(odd)),
    () => (wrong[name.toUpperCase()] = wrong[name] ?? 1),
  ]
  dice.pick(spoils)()
  return wrong
}

/** The bytes of a body with some changed: what a broken client, or a clever one, sends. */
export function mangled(text: string, dice: Dice): Buffer {
  const bytes = Buffer.from(text)
  const at = dice.below(bytes.length + 1)
  const piece = dice.pick<Buffer>([
    Buffer.from([dice.below(256)]),
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('"__proto__":1,'),
    Buffer.from('[[[[[[[[[[[[[[[[[[[['),
    Buffer.from('1e999'),
    Buffer.from('\\ud800'),
    Buffer.from(',"email_key":"a","email_key":"b"'),
    Buffer.alloc(0),
  ])
  const skipped = dice.below(4)
  if (dice.below(4) === 0) return bytes.subarray(0, at)
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + skipped)])
}
