import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

/** The numbers of the catalogue of attacks, by family. Those that are missing were dropped from it. */
const cases: Readonly<Record<string, readonly number[]>> = {
  'passwords, stuffing, lock-out': [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16],
  enumeration: [17, 18, 19, 20, 21, 22, 23, 25],
  'the code': [
    26, 27, 28, 29, 30, 31, 33, 34, 35, 36, 37, 39, 40, 41, 42, 43, 44, 46, 47, 48, 49, 50, 51, 52,
  ],
  mail: [53, 54, 55, 56, 57, 58],
  'names and addresses': [60, 62, 64, 65, 66],
  passwords: [67, 68, 69, 71, 72],
  tokens: [73, 74, 76, 77, 78, 80, 81, 82],
  sessions: [84, 85, 86, 87, 88, 89, 90, 91, 93],
  'API keys': [95, 96, 98, 99],
  'HTTP and JSON': [100, 101, 104, 105, 106, 107, 109, 110],
  leaks: [112, 113, 114],
  'the Hub': [115, 116],
  'the model server': [118, 119, 120],
}

/** The numbers of the catalogue of faults, by family. */
const faults: Readonly<Record<string, readonly number[]>> = {
  'a server that dies': [1, 2, 3, 4, 31, 32],
  'a disk': [6, 7, 8, 10, 13, 43, 44, 45],
  'a database': [11, 14, 15, 16, 17, 18, 39, 40, 41, 42],
  'a shared cache': [19],
  mail: [20, 21, 22, 23, 24, 25, 48],
  'a clock': [27, 46],
  'a model server': [28],
  'a schema': [33, 34],
  'several servers': [35, 47],
  'what is kept': [36, 37],
  time: [38],
}

const folder = new URL('./', import.meta.url)
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts') && name !== 'catalogue.test.ts')
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))
const tested = new Set(texts.flatMap(numbersIn))
const played = new Set(texts.flatMap(faultsIn))

/** The numbers of names like `attack 047, 048: …`. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/attack ((?:\d{3}(?:, )?)+):/g)].flatMap(([, list = '']) =>
    list.split(', ').map(Number),
  )
}

/** The numbers of names like `F8: …`, `F1 to F4, F32: …`. */
function faultsIn(text: string): number[] {
  return [...text.matchAll(/['"`]((?:F\d+(?:, | to )?)+): /g)].flatMap(([, list = '']) =>
    [...list.matchAll(/F(\d+)(?: to F(\d+))?/g)].flatMap(([, from = '', to = from]) =>
      Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index),
    ),
  )
}

for (const [family, numbers] of Object.entries(faults)) {
  test(`every fault of ${family} is played by a test`, () => {
    assert.deepEqual(
      numbers.filter((number) => !played.has(number)),
      [],
    )
  })
}

for (const [family, numbers] of Object.entries(cases)) {
  test(`every attack on ${family} has a test`, () => {
    assert.deepEqual(
      numbers.filter((number) => !tested.has(number)),
      [],
    )
  })
}

test('the names of tests are read as they are written', () => {
  assert.deepEqual(numbersIn("scene('attack 047, 048: a', x) test('attack 009: b')"), [47, 48, 9])
  assert.deepEqual(numbersIn('attack 12: three digits each'), [])
  assert.deepEqual(faultsIn("test(`F1 to F3, F32: a`) test('F8: b')"), [1, 2, 3, 32, 8])
})
