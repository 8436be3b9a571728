import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { runNpm } from '../../../scripts/packaging/npm.ts'
import { type Freddy, PASSWORD, scene } from '../../../server/test/freddy.ts'
import { apiPage } from '../api-page.ts'
import { shellOf } from './cli.ts'
import { ISSUER, introspectorKey } from './resource.ts'
import { baseUrlOf } from './server.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const root = join(here, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'freddy-'))
const project = join(home, 'project')
let archive = ''
/** The Node that runs this first, then one of each other line that the client is for. */
const nodes = [process.execPath, ...(process.env.TEST_NODES ?? '').split(delimiter).filter(Boolean)]
after(() => rmSync(home, { recursive: true, force: true }))

const npm = (folder: string, ...words: string[]) => runNpm(folder, join(home, 'cache'), words)

/** Packs what would be published, and installs it into an empty project. */
before(() => {
  execFileSync(process.execPath, ['build.ts'], { cwd: here, stdio: 'inherit' })
  const [packed] = JSON.parse(
    npm(here, 'pack', '--json', '--ignore-scripts', `--pack-destination=${home}`),
  )
  archive = join(home, packed.filename)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  npm(project, 'install', archive)
})

const installed = (...parts: string[]) => join(project, 'node_modules', ...parts)

/** The pieces of a page, by their first comment. */
function pieces(page = join(here, 'README.md')): Map<string, string> {
  const text = readFileSync(page, 'utf8')
  const fences = text.matchAll(/^```ts\n\/\/ (.+)\n([\s\S]*?)^```$/gm)
  return new Map([...fences].map(([, title = '', code = '']) => [title, code]))
}

test('the package is itself, its licence and nothing else', () => {
  const { dependencies, exports } = JSON.parse(
    readFileSync(installed('freddy-auth-client', 'package.json'), 'utf8'),
  )
  assert.equal(dependencies, undefined)
  assert.deepEqual(Object.keys(exports), ['.', './node', './verify'])
  const names = execFileSync('find', ['.', '-type', 'f'], { cwd: installed(), encoding: 'utf8' })
  for (const needed of ['README.md', 'LICENSE', 'dist/index.js', 'dist/LICENSE-citty.txt'])
    assert.ok(names.includes(`./freddy-auth-client/${needed}\n`), needed)
  assert.doesNotMatch(names, /(?<!\.d)\.ts\n|tsconfig|test\//)
})

test('the pieces of the pages have the right types, strictly, however modules are found', () => {
  const all = [...pieces(), ...pieces(join(root, 'docs', 'typescript.md'))]
  assert.equal(all.length, 6)
  for (const [title, code] of all)
    writeFileSync(join(project, `${title.replaceAll(' ', '-')}.ts`), code)
  writeFileSync(
    join(project, 'expo.d.ts'),
    `declare module 'expo-secure-store' {
  export function getItemAsync(name: string): Promise<string | null>
  export function setItemAsync(name: string, text: string): Promise<void>
  export function deleteItemAsync(name: string): Promise<void>
}`,
  )
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      typeRoots: [join(root, 'node_modules', '@types')],
      types: ['node'],
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  }
})

test('docs/typescript-api.md tells every name of the package as it is (npm run api-pages)', () => {
  const page = readFileSync(join(root, 'docs', 'typescript-api.md'), 'utf8')
  assert.equal(page, apiPage())
})

test('the archive tells bundlers and module finders the truth about itself', async () => {
  const bytes = readFileSync(archive)
  const tarball = new Uint8Array(bytes).buffer
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  )
})

test('the archive has the right types for whoever imports it', async () => {
  const checked = await checkPackage(createPackageFromTarballData(readFileSync(archive)))
  assert.ok(checked.types && Object.keys(checked.entrypoints).length > 1)
  // CommonJS can import it since Node 20.19, and finders that know no exports find no subpath.
  const meant = ['node16-cjs', 'node10']
  const told = checked.problems.filter(
    (problem) => !('resolutionKind' in problem && meant.includes(problem.resolutionKind)),
  )
  assert.deepEqual(told, [])
})

/** Runs a piece of the README as it stands there, for the person with this address. */
async function runPiece(
  [freddy, context]: readonly [Freddy, TestContext],
  title: string,
  { node = process.execPath, email = 'you@example.com' } = {},
  input: readonly (() => Promise<string>)[] = [],
) {
  const base = await baseUrlOf(freddy)
  const path = join(project, 'piece.js')
  const code = pieces().get(title) ?? assert.fail(title)
  writeFileSync(
    path,
    code
      .replaceAll('http://localhost:3000/v1', base)
      .replaceAll('you@example.com', email)
      .replaceAll('a long sentence of yours', PASSWORD),
  )
  return shellOf(context, base, path, node).run([], input)
}

scene('the pieces of the README run as they stand there', async (...place) => {
  const asked = await runPiece(place, 'errors')
  assert.equal(asked.stdout, 'ask for the code again\n')
  const stays = await runPiece(place, 'a program that stays signed in')
  assert.deepEqual([stays.stdout, stays.stderr], ['nobody is signed in\n', ''])
})

scene('what the README begins with runs on every line of Node that it names', async (...place) => {
  const [freddy, context] = place
  const seen: string[] = []
  for (const [number, node] of nodes.entries()) {
    const { email } = await freddy.person(`reader${number}`)
    const mailed = async () => {
      while (!freddy.mail.codeFor(email)) await freddy.running.outbox.drain()
      return freddy.codeFor(email)
    }
    const asked = await runPiece(place, 'sign in and ask', { node, email }, [mailed])
    assert.deepEqual([asked.stdout, asked.stderr], ['Code: Hello\nHello', ''], node)
    const said = await shellOf(context, '', installed('.bin', 'freddy'), node).run(['--version'])
    assert.equal(said.status, 0, said.stderr)
    seen.push(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim())
  }
  context.diagnostic(`Node ${seen.join(', ')}`)
  const lines = seen.map((version) => version.split('.')[0])
  if (nodes.length > 1)
    assert.deepEqual(
      ['20', '22', '26'].filter((line) => !lines.includes(line)),
      [],
    )
})

scene('the installed verifier lets in who is signed in', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const path = join(project, 'server.ts')
  const code = pieces().get('a server of your own') ?? assert.fail()
  const base = await baseUrlOf(freddy)
  writeFileSync(
    path,
    `${code.replace('http://localhost:3000/v1', base).replace("'freddy-auth'", `'${ISSUER}'`)}
const headers = { authorization: process.argv[2] ?? '' }
const answer = await handle(new Request('http://localhost/', { headers }))
console.log(answer.status, await answer.text())`,
  )
  const apiKey = await introspectorKey(freddy)
  const { run } = shellOf(context, base, path)
  const said = await run([`Bearer ${token}`], [], { FREDDY_API_KEY: apiKey })
  assert.deepEqual([said.stdout, said.stderr], [`200 ${JSON.stringify({ hello: ada.id })}\n`, ''])
})

scene('the installed command line works', async (freddy, context) => {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const { key } = (await freddy.ask('POST /v1/api-keys', { token, body: { name: 'ci' } })).body
  const program = installed('.bin', 'freddy')
  const { run } = shellOf(context, await baseUrlOf(freddy), program)
  const said = await run(['ask', 'Installed'], [], { FREDDY_API_KEY: key })
  assert.deepEqual(said, { status: 0, stdout: 'Installed\n', stderr: '' })
})
