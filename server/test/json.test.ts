import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../src/errors.ts'
import { parseJson } from '../src/wire/json.ts'

describe('a JSON body', () => {
  it('means what JSON.parse says it means', () => {
    const indents = fc.constantFrom(0, 1, 3)
    fc.assert(
      fc.property(fc.jsonValue(), indents, (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('proto'))
        assert.deepEqual(parseJson(Buffer.from(text), 64), JSON.parse(text))
      }),
    )
  })

  it('is refused when JSON.parse refuses it, whatever the bytes', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', 'null', ' ')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (made) => {
        const text = made.join('')
        if (!isJson(text)) assert.equal(refusal(text), 'The body is not JSON')
      }),
      { numRuns: 2000, examples: [[[]], [['"', '\\', '"']], [['{', '"', '\\', 'u', '"', ':']]] },
    )
  })

  it('is accepted exactly when every object has unique, harmless names', () => {
    fc.assert(
      fc.property(documents, (document) => {
        assert.equal(refusal(write(document)) === null, isHarmless(document, ''))
      }),
      { numRuns: 3000 },
    )
  })

  for (const [what, bytes] of [
    ['empty', ''],
    ['only white space', ' \n'],
    ['behind a byte order mark', '\uFEFF{}'],
    ['two values', '{} {}'],
    ['attack 036: the literal 0042', '{"verification_code":0042}'],
    ['NaN', '{"a":NaN}'],
    ['a form', 'email=a%40example.com'],
  ] as const) {
    it(`is refused: ${what}`, () => assert.equal(refusal(bytes), 'The body is not JSON'))
  }

  for (const [what, hex] of [
    ['a byte that starts nothing', '22ff22'],
    ['an overlong slash', '22c0af22'],
    ['an encoded surrogate', '22eda08022'],
    ['UTF-16', '7b007d00fffe'],
    ['a cut character', '22e282'],
  ] as const) {
    it(`is refused when it is not UTF-8: ${what}`, () =>
      assert.equal(refusal(Buffer.from(hex, 'hex')), 'The body is not UTF-8'))
  }
})

describe('attack 039: a name twice in one object', () => {
  const twice = 'A name stands twice in one object'
  for (const text of [
    '{"verification_code":1,"verification_code":2}',
    '{"a":1,"\\u0061":1}',
    '{"a":{"b":[{"c":1,"d":"}{","c":2}]}}',
    '{"":1,"":1}',
    '{"a":[1,"a"],"b":{"a":1},"a":3}',
  ]) {
    it(`is refused: ${text}`, () => assert.equal(refusal(text), twice))
  }

  it('is no twin when it stands in another object, in a list or in a value', () => {
    const text = '{"a":{"a":[{"a":1},{"a":"a"},"a","a"]},"A":"a","b":"{\\"a\\":1,\\"a\\":2}"}'
    assert.deepEqual(parseJson(Buffer.from(text), 16), JSON.parse(text))
  })
})

describe('attack 100: depth and width', () => {
  const deep = 'The body is nested too deeply'

  it('takes as many levels as it is told and not one more', () => {
    assert.equal(refusal(`${'['.repeat(16)}${']'.repeat(16)}`), null)
    assert.equal(refusal(`${'['.repeat(17)}${']'.repeat(17)}`), deep)
    assert.equal(refusal(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`), deep)
    assert.equal(refusal('1', 0), null)
    assert.equal(refusal('[]', 0), deep)
  })

  it('refuses a megabyte of brackets without building them', () => {
    assert.equal(refusal('['.repeat(1_000_000)), deep)
    assert.equal(refusal('{"a":'.repeat(200_000)), deep)
  })

  it('refuses what would be read for seconds, and takes what people send', () => {
    const many = 'The body has too many parts'
    const list = (part: string, count: number) => `[${`${part},`.repeat(count)}${part}]`
    const members = (count: number) =>
      `{${Array.from({ length: count }, (_, place) => `"k${place}":1`).join(',')}}`
    assert.deepEqual(
      [list('{}', 150_000), list('[]', 150_000), list('0', 600_000), members(60_000)].map((text) =>
        refusal(text),
      ),
      [many, many, many, many],
    )
    assert.deepEqual(
      [list('{"role":"user"}', 30_000), list('0', 400_000), members(40_000)].map((text) =>
        refusal(text),
      ),
      [null, null, null],
    )
    assert.equal(refusal(JSON.stringify(',{[:"'.repeat(500_000))), null)
  })

  it('does not count brackets in strings', () => {
    assert.equal(refusal(JSON.stringify({ a: '['.repeat(10_000), b: '\\"[{' }), 1), null)
  })

  it('reads wide objects and long strings to the end', () => {
    const names = Array.from({ length: 40_000 }, (_, index) => `"n${index}":${index}`)
    assert.equal(refusal(`{${names.join(',')}}`), null)
    assert.equal(refusal(`{${names.join(',')},"n5":0}`), 'A name stands twice in one object')
    assert.equal(refusal(`["${'\\"'.repeat(500_000)}"]`), null)
    assert.equal(refusal('1'.repeat(1_000_000)), null)
  })
})

describe('attack 101: names that reach for prototypes', () => {
  for (const text of [
    '{"__proto__":{"polluted":1}}',
    '{"\\u005f_proto__":1}',
    '[{"a":{"__proto__":null}}]',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"a":[{"constructor":{"b":{},"prototype":1}}]}',
    '{"a":{"b":1},"constructor":{"prototype":1}}',
  ]) {
    it(`are refused: ${text}`, () => {
      assert.equal(refusal(text), 'A name is not allowed')
      assert.equal('polluted' in {}, false)
    })
  }

  it('are words like others where they reach for nothing', () => {
    const text =
      '{"prototype":1,"constructor":"__proto__","a":[{"prototype":{}}],"b":{"prototype":2}}'
    assert.deepEqual(parseJson(Buffer.from(text), 16), JSON.parse(text))
  })
})

/** The reason a body is refused for, or null when it is read. */
function refusal(body: string | Buffer, maxDepth = 16): string | null {
  try {
    parseJson(Buffer.from(body), maxDepth)
    return null
  } catch (error) {
    assert(error instanceof ApiError)
    assert.equal(error.code, 'MALFORMED_REQUEST')
    return error.details?.reason ?? ''
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A document as it is written, so that an object can hold a name twice. */
type Document =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly Document[] }
  | { readonly kind: 'object'; readonly pairs: readonly (readonly [Name, Document])[] }

interface Name {
  readonly name: string
  readonly spelling: 'plain' | 'escaped'
}

const words = ['a', 'b', '', '{"', '\\', '\u00e9', '__proto__', 'prototype', 'constructor']

const { document: documents } = fc.letrec<{ document: Document; name: Name }>((tie) => ({
  name: fc.record({
    name: fc.constantFrom(...words),
    spelling: fc.constantFrom('plain', 'escaped'),
  }),
  document: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant('scalar' as const),
      text: fc.constantFrom('1', 'null', '"a"', '"\\"a\\":"', '"[{,"', '"\\\\"', ' -1.5e3 '),
    }),
    fc.record({
      kind: fc.constant('array' as const),
      items: fc.array(tie('document'), { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('object' as const),
      pairs: fc.array(fc.tuple(tie('name'), tie('document')), { maxLength: 3 }),
    }),
  ),
}))

function write(document: Document): string {
  if (document.kind === 'scalar') return document.text
  if (document.kind === 'array') return `[${document.items.map(write).join(', ')}]`
  return `{${document.pairs.map(([name, value]) => `${spell(name)} :${write(value)}`).join(',')}}`
}

function spell({ name, spelling }: Name): string {
  if (spelling === 'plain') return JSON.stringify(name)
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `"${name.split('').map(escaped).join('')}"`
}

function isHarmless(document: Document, under: string): boolean {
  if (document.kind === 'scalar') return true
  if (document.kind === 'array') return document.items.every((item) => isHarmless(item, ''))
  const names = document.pairs.map(([{ name }]) => name)
  if (new Set(names).size < names.length || names.includes('__proto__')) return false
  if (under === 'constructor' && names.includes('prototype')) return false
  return document.pairs.every(([{ name }, value]) => isHarmless(value, name))
}
