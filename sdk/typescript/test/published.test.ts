import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNpm } from '../../../scripts/packaging/npm.ts'
import { PASSWORD, scene } from '../../../server/test/freddy.ts'
import { shellOf } from './cli.ts'
import { ISSUER, introspectorKey } from './resource.ts'
import { baseUrlOf } from './server.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const root = join(here, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'freddy-'))
const project = join(home, 'project')
after(() => rmSync(home, { recursive: true, force: true }))

const npm = (folder: string, ...words: string[]) => runNpm(folder, join(home, 'cache'), words)

/** Packs what would be published, and installs it into an empty project. */
before(() => {
  execFileSync(process.execPath, ['build.ts'], { cwd: here, stdio: 'inherit' })
  const [packed] = JSON.parse(
    npm(here, 'pack', '--json', '--ignore-scripts', `--pack-destination=${home}`),
  )
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  npm(project, 'install', join(home, packed.filename))
})

/** The pieces of a page, by their first comment. */
function pieces(page = join(here, 'README.md')): Map<string, string> {
  const text = readFileSync(page, 'utf8')
  const fences = text.matchAll(/^```ts\n\/\/ (.+)\n([\s\S]*?)^```$/gm)
  return new Map([...fences].map(([, title = '', code = '']) => [title, code]))
}

test('the package is itself, its licence and nothing else', () => {
  const installed = join(project, 'node_modules')
  const { dependencies, exports } = JSON.parse(
    readFileSync(join(installed, 'freddy-auth-client', 'package.json'), 'utf8'),
  )
  assert.equal(dependencies, undefined)
  assert.deepEqual(Object.keys(exports), ['.', './node', './verify'])
  const names = execFileSync('find', ['.', '-type', 'f'], { cwd: installed, encoding: 'utf8' })
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

scene('the pieces of the README run as they stand there', async (freddy, context) => {
  const base = await baseUrlOf(freddy)
  const you = { ...(await freddy.person('you')), email: 'you@example.com' }
  const run = (title: string, input: readonly (() => Promise<string>)[] = []) => {
    const path = join(project, 'piece.ts')
    const code = pieces().get(title) ?? assert.fail(title)
    writeFileSync(
      path,
      code
        .replaceAll('http://localhost:3000/v1', base)
        .replaceAll('a long sentence of yours', PASSWORD),
    )
    return shellOf(context, base, path).run([], input)
  }
  const mailed = async () => {
    while (!freddy.mail.codeFor(you.email)) await freddy.running.outbox.drain()
    return freddy.codeFor(you.email)
  }
  const asked = await run('sign in and ask', [mailed])
  assert.deepEqual([asked.stdout, asked.stderr], ['Code: Hello\nHello', ''])
  assert.equal((await run('errors')).stdout, 'ask for the code again\n')
  const stays = await run('a program that stays signed in')
  assert.deepEqual([stays.stdout, stays.stderr], ['nobody is signed in\n', ''])
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
  const program = join(project, 'node_modules', '.bin', 'freddy')
  const { run } = shellOf(context, await baseUrlOf(freddy), program)
  const said = await run(['ask', 'Installed'], [], { FREDDY_API_KEY: key })
  assert.deepEqual(said, { status: 0, stdout: 'Installed\n', stderr: '' })
})
