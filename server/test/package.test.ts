import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { transform } from 'esbuild'
import { runNpm } from '../../scripts/packaging/npm.ts'
import { fillPackage, packFolder } from '../../scripts/packaging/pack.ts'
import { billOfMaterials } from '../../scripts/packaging/sbom.ts'
import { root } from '../../scripts/testing/root.ts'
import { PASSWORD } from './freddy.ts'
import { call, credentials, startProgram } from './server-process.ts'

const home = mkdtempSync(join(tmpdir(), 'freddy-'))
const project = join(home, 'project')
const cache = join(home, 'cache')
const program = join(project, 'node_modules', 'freddy-auth', 'bin', 'freddy-auth.cjs')
let archive = ''
after(() => rmSync(home, { recursive: true, force: true }))

/** Packs what would be published, and installs it into an empty project; argon2 comes from what is installed here. */
before(async () => {
  await fillPackage(join(home, 'package'))
  mkdirSync(project)
  archive = packFolder(join(home, 'package'), home, cache)
  writeFileSync(join(project, 'package.json'), '{}')
  const argon2 = ['argon2', ...platforms()].map((name) =>
    packFolder(join(root, 'node_modules', '@node-rs', name), home, cache),
  )
  runNpm(project, cache, ['install', archive, ...argon2])
})

function platforms(): string[] {
  const { packages } = JSON.parse(
    readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'),
  )
  return Object.keys(packages).flatMap(
    (path) => /^node_modules\/@node-rs\/(argon2-.+)$/.exec(path)?.[1] ?? [],
  )
}

test('the archive is small, runs nothing when it is installed, and brings one package', () => {
  assert.ok(statSync(archive).size < 5_000_000, `${statSync(archive).size} bytes`)
  const about = JSON.parse(readFileSync(join(home, 'package', 'package.json'), 'utf8'))
  assert.equal(about.scripts, undefined)
  assert.deepEqual(Object.keys(about.dependencies), ['@node-rs/argon2'])
  const listed = spawnSync('tar', ['-tzf', archive], { encoding: 'utf8' }).stdout
  assert.doesNotMatch(listed, /\.(ts|tsx|map|key|db)\n|openapi\.json|node_modules/)
  for (const needed of ['hub/dist/hub.en-', 'docs/login-flow.md', 'LICENSE', 'THIRD-PARTY'])
    assert.ok(listed.includes(`package/${needed}`), needed)
  const licences = readFileSync(join(home, 'package', 'THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['fastify', 'pg', 'nodemailer', 'undici', 'preact', 'uqr'])
    assert.ok(new RegExp(`^${name} \\d`, 'm').test(licences), name)
})

test('installed into an empty project it starts, signs people in and shows its pages', async () => {
  const folder = join(home, 'data')
  const shell = (...words: string[]) =>
    spawnSync(process.execPath, [program, ...words], {
      env: { PATH: process.env.PATH, DATA_DIR: folder, HASH_THREADS: '1' },
      input: PASSWORD,
      encoding: 'utf8',
    })
  const added = shell('users', 'add', 'ada@example.com', '--password-stdin')
  assert.equal(added.status, 0, added.stderr)
  const server = await startProgram([program], { DATA_DIR: folder, SECRET_KEY: '' })
  try {
    const login = await call(server.base, '/v1/auth/login', credentials('ada@example.com'))
    assert.equal(login?.status, 200)
    for (const path of ['/docs/login-flow', '/sign-in', '/openapi.json'])
      assert.equal((await fetch(server.base + path)).status, 200, path)
    const page = await (await fetch(`${server.base}/sign-in`)).text()
    const [, script = ''] = /src="(\/hub\/assets\/[^"]+)"/.exec(page) ?? []
    assert.equal((await fetch(server.base + script)).status, 200, script)
  } finally {
    assert.equal(await server.stop(), 0)
  }
  assert.match(shell('doctor').stdout, /^good {2}trail/m)
})

test('a Node that is too old is told so in one sentence, which it can read', async () => {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '12.22.12' })
    process.argv[1] = ${JSON.stringify(program)}; require(process.argv[1])`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', pretend], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [1, ''])
  assert.equal(
    stderr,
    'Freddy Auth needs Node 24 or newer, and this is 12.22.12: install it, then try again.\n',
  )
  const first = readFileSync(program, 'utf8')
  await transform(first, { target: 'es5' })
  await assert.rejects(transform(`const a = () => 1\n${first}`, { target: 'es5' }))
  assert.doesNotMatch(first, /import\(|node:|\?\./)
  assert.ok(readFileSync(join(dirname(program), 'run.cjs'), 'utf8').includes('import('))
})

test('the same sources make the same archive, byte for byte', async () => {
  const again = join(home, 'again')
  mkdirSync(again)
  await fillPackage(join(again, 'package'))
  const second = packFolder(join(again, 'package'), again, cache)
  assert.ok(readFileSync(archive).equals(readFileSync(second)))
})

test('the list of what is in it names every package and its licence, and no moment or machine', () => {
  const words = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--omit=dev']
  const text = billOfMaterials(runNpm(root, cache, words))
  const bill = JSON.parse(text)
  const names: string[] = bill.components.map(({ name }: { name: string }) => name)
  for (const name of ['fastify', 'pg', '@node-rs/argon2', 'preact'])
    assert.ok(names.includes(name), name)
  for (const name of ['typescript', 'playwright-core']) assert.ok(!names.includes(name), name)
  for (const { name, licenses } of bill.components) assert.ok(licenses?.length, name)
  assert.equal(bill.metadata.component.name, 'freddy-auth')
  assert.doesNotMatch(text, new RegExp(`"serialNumber"|"timestamp"|${root}`))
})
