import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { newApiKey } from '../../../server/src/auth/api-key.ts'
import { keysIn } from '../src/cli/api-key-text.ts'
import { type Finding, scan } from '../src/cli/key-scan.ts'
import { shellOf } from './cli.ts'

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function found(path: string): Promise<Finding[]> {
  const progress = { file: () => {}, unreadable: (name: string) => assert.fail(name) }
  const list: Finding[] = []
  for await (const finding of scan(path, progress)) list.push(finding)
  return list
}

/** One character is another: the checksum says so. */
function lookAlike(n: number): string {
  const key = newApiKey()
  const at = 3 + (n % 38)
  const other = key[at] === 'x' ? 'y' : 'x'
  const changed = key.slice(0, at) + other + key.slice(at + 1)
  const kinds = [changed, `${key}0`, `x${key}`, key.slice(0, -1), key.replace('ak_', 'sk_')]
  return kinds[n % kinds.length] ?? ''
}

const surroundings = [
  (text: string) => `API_KEY=${text}`,
  (text: string) => `{"key":"${text}"}`,
  (text: string) => `curl -H 'api-key: ${text}' http://localhost`,
  (text: string) => `größer 🚀 ${text}, und so weiter`,
  (text: string) => text,
]

test('50 keys among 500 look-alikes: 50 are found, and none that is none', async (context) => {
  const folder = folderOf(context)
  const planted = new Map<string, string>()
  for (let n = 0; n < 50; n++) {
    const wrap = surroundings[n % surroundings.length] ?? String
    const lines = Array.from({ length: 10 }, (_, k) => wrap(lookAlike(n * 10 + k)))
    const key = newApiKey()
    const line = n % 11
    lines.splice(line, 0, wrap(key))
    const inner = join(folder, `folder-${n % 7}`, 'deeper')
    mkdirSync(inner, { recursive: true })
    const path = join(inner, `file-${n}.txt`)
    writeFileSync(path, lines.join(n % 2 ? '\r\n' : '\n'))
    planted.set(`${path}:${line + 1}:${key.slice(0, 7)}:${key.slice(-4)}`, key)
  }
  const all = await found(folder)
  assert.deepEqual(
    all.map(({ path, line, prefix, last4 }) => `${path}:${line}:${prefix}:${last4}`).sort(),
    [...planted.keys()].sort(),
  )
})

test('a key is found wherever the end of a chunk falls', async (context) => {
  const path = join(folderOf(context), 'long.txt')
  const key = newApiKey()
  const more = '-'.repeat(200)
  for (let before = 65_536 - 60; before <= 65_536 + 60; before++) {
    writeFileSync(path, `${'-'.repeat(before - 1)}\n${key}\n${more}`)
    const [only, ...others] = await found(path)
    assert.deepEqual([only?.line, others], [2, []], `after ${before} bytes`)
    writeFileSync(path, `${'-'.repeat(before - 1)}x${key}\n${more}`)
    assert.deepEqual(await found(path), [], `a longer word, after ${before} bytes`)
  }
})

test('.git, links and binary files are passed over', async (context) => {
  const folder = folderOf(context)
  const key = newApiKey()
  mkdirSync(join(folder, '.git'))
  writeFileSync(join(folder, '.git', 'config'), key)
  writeFileSync(join(folder, 'program'), `\0${key}`)
  symlinkSync(join(folder, '.git'), join(folder, 'link'))
  symlinkSync(join(folder, 'program'), join(folder, 'file'))
  assert.deepEqual(await found(folder), [])
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'notes'), `${key}${key} ${key}/${key}`)
  assert.equal((await found(folder)).length, 2)
})

test('keys and what only looks like one are told apart in a line', () => {
  const key = newApiKey()
  assert.deepEqual(
    keysIn(`a ${key} b`).map(({ at, prefix, last4 }) => [at, prefix, last4]),
    [[2, key.slice(0, 7), key.slice(-4)]],
  )
  assert.deepEqual(keysIn(`ak_${'0'.repeat(38)} AK_${key.slice(3)}`), [])
})

test('freddy scan says where, never the key itself, and ends with 1', async (context) => {
  const folder = folderOf(context)
  const { run } = shellOf(context, 'http://127.0.0.1:9/v1')
  assert.deepEqual(await run(['scan', folder]), {
    status: 0,
    stdout: '',
    stderr: 'No keys in 0 files.\n',
  })
  const key = newApiKey()
  const path = join(folder, '.env')
  writeFileSync(path, `A=1\nKEY=${key}\n`)
  const said = await run(['scan', folder])
  assert.equal(said.status, 1)
  assert.equal(said.stdout, `${path}:2: ${key.slice(0, 7)}…${key.slice(-4)}\n`)
  assert.equal((said.stdout + said.stderr).includes(key), false)
  const told = JSON.parse((await run(['scan', folder, '--json'])).stdout)
  assert.deepEqual(told, [{ path, line: 2, prefix: key.slice(0, 7), last4: key.slice(-4) }])
  assert.match((await run(['scan', join(folder, 'nothing')])).stderr, /There is no/)
})

test('a folder that cannot be read is named', async (context) => {
  const folder = folderOf(context)
  const closed = join(folder, 'closed')
  mkdirSync(closed)
  chmodSync(closed, 0)
  const told: string[] = []
  const progress = { file: () => {}, unreadable: (path: string) => told.push(path) }
  for await (const _ of scan(folder, progress)) assert.fail('nothing is there')
  // Root may read everything.
  assert.deepEqual(told, process.getuid?.() === 0 ? [] : [closed])
})
