import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const files = {
  'helper.ts': `import { test } from 'node:test'
export const scene = (name: string, tell: () => void) => test(name, tell)`,
  'green.test.ts': `import { scene } from './helper.ts'
scene('well', () => {})`,
  'red.test.ts': `import { scene } from './helper.ts'
scene('well', () => {})
scene('broken', () => { throw new Error('broken') })`,
  'dead.test.ts': "throw new Error('dead')",
}

test('what is red is told by the file that ran it, wherever its test was written', (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'freddy-')))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const reporter = new URL('../../scripts/testing/tally.ts', import.meta.url).href
  const words = ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout']
  // A test that is run by a test would think that it is one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const ran = spawnSync(process.execPath, words, { cwd: folder, env, encoding: 'utf8' })
  const { passed, failed, red } = JSON.parse(ran.stdout)
  assert.deepEqual([passed, failed], [2, 2])
  const named = ['dead.test.ts', 'red.test.ts'].map((name) => join(folder, name))
  assert.deepEqual(red.toSorted(), named)
})
