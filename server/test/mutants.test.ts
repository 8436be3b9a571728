import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutants } from '../../mutants/all.ts'
import type { Mutant } from '../../mutants/mutant.ts'
import { openBench } from '../../scripts/testing/mutant-bench.ts'

const source = join(import.meta.dirname, '../src')

test('every mutant has a name of its own, its place in a file once, and its tests', () => {
  assert.ok(mutants.length >= 60, `${mutants.length} mutants`)
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  for (const { name, file, find, replace, tests, named } of mutants) {
    const places = readFileSync(join(source, file), 'utf8').split(find).length - 1
    assert.equal(places, 1, `${name}: its text stands ${places} times in ${file}`)
    assert.notEqual(find, replace, name)
    assert.ok(existsSync(join(import.meta.dirname, tests)), `${name}: ${tests}`)
    assert.ok(readFileSync(join(import.meta.dirname, tests), 'utf8').includes(named), name)
  }
})

test('a mutant is noticed, a harmless one survives, and one without a place does not apply', async () => {
  const cheap = ['two clocks', 'a name stands once', 'a mistyped key'].map(
    (words) => mutants.find(({ name }) => name.startsWith(words)) ?? assert.fail(words),
  )
  const harmless: Mutant = {
    name: 'a comment is a defence',
    file: 'auth/token.ts',
    find: '/** Seconds by which two honest clocks may differ. */\n',
    replace: '',
    tests: 'token.test.ts',
    named: 'attack 078',
  }
  const lost = { ...harmless, find: 'these words are in no file of ours' }
  const misspelt = { ...harmless, find: 'export function createTokens', replace: 'export funktion' }
  const bench = openBench()
  try {
    const outcomes = []
    for (const mutant of [...cheap, harmless, lost, misspelt]) {
      outcomes.push((await bench.try(mutant)).outcome)
    }
    const no = 'did not apply'
    assert.deepEqual(outcomes, ['noticed', 'noticed', 'noticed', 'survived', no, no])
  } finally {
    bench.close()
  }
})
