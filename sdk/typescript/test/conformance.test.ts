import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { playScene } from '../src/conformance/play-scene.ts'
import { scenes } from '../src/conformance/scenes.ts'
import { CarefulClient } from './careful-client.ts'
import { type Said, shellOf } from './cli.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const packages = process.env.TEST_PYTHONPATH ?? ''
const NOWHERE = 'http://127.0.0.1:9/v1'
const PATIENCE_MS = 60_000

const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The pieces of a page in one language. */
function pieces(page: string, language: string): string[] {
  const fences = read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))
  return [...fences].map(([, code = '']) => code)
}

function folderOf(context: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const failedIn = ({ stdout }: Said): string[] =>
  JSON.parse(stdout)
    .verdicts.filter(({ passed }: { passed: boolean }) => !passed)
    .map(({ name, sentence }: { name: string; sentence: string }) => `${name}: ${sentence}`)

/** What a client with this flaw fails in; its pauses move a clock of their own. */
async function failuresOf(flaw: string): Promise<string[]> {
  const failures: string[] = []
  for (const scene of scenes) {
    let now = 0
    const pause = (ms: number) => {
      now += ms
    }
    const open = (baseUrl: string) => new CarefulClient(baseUrl, flaw, pause)
    const { name, passed, sentence } = await playScene(scene, open, PATIENCE_MS, () => now)
    if (!passed) failures.push(`${name}: ${sentence}`)
  }
  return failures
}

test('a careful client keeps every scene', async () => {
  assert.deepEqual(await failuresOf('none'), [])
})

for (const { name, promise } of scenes) {
  test(`a client with the flaw that ${name} is there for fails in ${name} alone`, async () => {
    const [first = '', ...others] = await failuresOf(name)
    assert.ok(first.startsWith(`${name}: expected that ${promise}, but `), first)
    assert.deepEqual(others, [])
  })
}

test('both of our libraries keep every scene', async (context) => {
  const { run } = shellOf(context, NOWHERE)
  const own = join(root, 'sdk/typescript/test/adapter.ts')
  const typescript = run(['conformance', '--json', '--', process.execPath, own])
  const python = run(
    ['conformance', '--json', '--', 'python3', join(root, 'sdk/python/tests/adapter.py')],
    [],
    {
      PYTHONPATH: join(root, 'sdk/python/src') + delimiter + packages,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  )
  for (const said of await Promise.all([typescript, python])) {
    assert.deepEqual([failedIn(said), said.status], [[], 0], said.stderr)
    assert.equal(JSON.parse(said.stdout).verdicts.length, scenes.length)
  }
})

test('the founding classes keep the core through the adapters of the page', async (context) => {
  const [pythonClass = ''] = pieces('docs/login-flow.md', 'python')
  const [javascriptClass = ''] = pieces('docs/login-flow.md', 'js')
  const folder = folderOf(context, {
    'package.json': '{ "type": "module" }',
    'freddy_auth.py': pythonClass,
    'adapter.py': pieces('docs/conformance.md', 'python').join(''),
    'freddy-auth.js': javascriptClass,
    'adapter.js': pieces('docs/conformance.md', 'js').join(''),
  })
  const { run } = shellOf(context, NOWHERE)
  const env = { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' }
  for (const program of [
    ['python3', join(folder, 'adapter.py')],
    [process.execPath, join(folder, 'adapter.js')],
  ]) {
    const said = await run(['conformance', '--core', '--json', '--', ...program], [], env)
    assert.deepEqual([failedIn(said), said.status], [[], 0], said.stderr)
  }
})

test('a program that hangs or ends is told of, and does not keep the next scene from its turn', async (context) => {
  const program = `
    let left = 2
    process.stdin.on('data', (line) => {
      const { do: what } = JSON.parse(line)
      if (what === 'begin') return console.log('Good morning\\n{"ok":true}')
      if (process.argv[2] === 'ends') process.exit(7)
    })
    setInterval(() => {}, 1000)`
  const path = join(folderOf(context, { 'program.mjs': program }), 'program.mjs')
  const { run } = shellOf(context, NOWHERE)
  const words = ['conformance', '--only', 'sign-in,forbidden', '--timeout', '1.5', '--']
  const hung = await run([...words, process.execPath, path])
  assert.equal(hung.status, 1)
  assert.match(
    hung.stdout,
    /no {2}sign-in: expected that .*, but the client took more than 1.5 s up to login\.\n/,
  )
  assert.match(hung.stdout, /no {2}forbidden: .* took more than/)
  assert.equal(hung.stderr, '2 of 2 are not kept.\n')
  const ended = await run([...words, process.execPath, path, 'ends'])
  assert.equal(ended.status, 1)
  assert.match(
    ended.stdout,
    /forbidden: .*, but the client ended with 7 before it answered login\.\n/,
  )
})

test('wrong words end with 2', async (context) => {
  const { run } = shellOf(context, NOWHERE)
  for (const [words, said] of [
    [['conformance'], /Name a program/],
    [['conformance', '--server', NOWHERE, '--', 'true'], /Name a program .* or a server/],
    [['conformance', '--server', NOWHERE, '--only', 'login'], /There is no login: alive, /],
    [['conformance', '--only', 'nothing', '--', 'true'], /There is no nothing: sign-in, /],
    [['conformance', '--timeout', 'long', '--', 'true'], /--timeout takes seconds/],
    [['conformance', '--', '/nowhere/at/all'], /does not start: .*ENOENT/],
    [['conformance', 'extra', '--', 'true'], /Unknown word extra/],
  ] as const) {
    const { status, stdout, stderr } = await run(words)
    assert.deepEqual([status, stdout], [2, ''], words.join(' '))
    assert.match(stderr, said)
  }
})

test('docs/conformance.md tells every scene and no other', () => {
  const rows = scenes.map(
    ({ name, core, promise }) => `| \`${name}\` | ${core ? 'yes' : 'no'} | ${promise} |`,
  )
  const told = read('docs/conformance.md')
    .split('\n')
    .filter((line) => /^\| `[a-z-]+` \| (yes|no) \| /.test(line))
  assert.deepEqual(told, rows)
})
