import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { errors } from '../src/errors.ts'
import { budgets, limits } from '../src/limits.ts'
import { routes } from '../src/routes.ts'

const root = fileURLToPath(new URL('../src/', import.meta.url))

interface Source {
  readonly path: string
  readonly text: string
  /** Files of ours whose values it uses; type-only imports are free. */
  readonly imports: readonly string[]
}

const sources: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, text, imports: importsOf(path, text) }
  })

const verbs = new Set(
  routes
    .map((route) => route.verb.name)
    .map((name) => fileOf(new RegExp(`export async function ${name}\\b`))),
)
const adapters = /^(store\/(sqlite|postgres)|mail\/(smtp|inbox)|limiter\/(valkey|asking))\.ts$/

test('a verb never imports a verb', () => {
  assert.ok(verbs.size > 10)
  for (const { path, imports } of sources.filter((source) => verbs.has(source.path))) {
    assert.deepEqual(
      imports.filter((target) => verbs.has(target)),
      [],
      path,
    )
  }
})

test('a verb or a noun knows no web server, no driver and no adapter', () => {
  const inner = sources.filter(({ path }) => /^(auth|account|responses)\//.test(path))
  for (const { path, text, imports } of inner) {
    const outside = imports.filter((target) => target.startsWith('http/') || adapters.test(target))
    assert.deepEqual(outside, [], path)
    assert.doesNotMatch(text, /from '(fastify|pg|node:sqlite|nodemailer)'/, path)
  }
})

test('Fastify is known to http/ only', () => {
  for (const { path, text } of sources) {
    if (!path.startsWith('http/'))
      assert.doesNotMatch(text, /from '(@fastify\/[a-z-]+|fastify)'/, path)
  }
})

test('the store, the limiter and the wire import nothing of ours but types, errors and numbers', () => {
  const allowed = { store: /^(store|workers)\//, limiter: /^limiter\//, wire: /^wire\// }
  for (const { path, imports } of sources) {
    const room = path.split('/')[0] as keyof typeof allowed
    if (!allowed[room]) continue
    const foreign = imports.filter(
      (target) => !allowed[room].test(target) && !/^(errors|limits|config)\.ts$/.test(target),
    )
    assert.deepEqual(foreign, [], path)
  }
})

test('nothing that a server loads at its start imports node:http, of which a part is 14 MB', () => {
  for (const { path, text } of sources) {
    if (path !== 'deploy/ask.ts')
      assert.doesNotMatch(text, /^import (?!type\b).* from 'node:https?'/m, path)
  }
})

test('adapters are chosen in app.ts only, and the database in open-database.ts', () => {
  const choosers = ['app.ts', 'open-database.ts']
  for (const { path, imports } of sources.filter((source) => !choosers.includes(source.path))) {
    assert.deepEqual(
      imports.filter((target) => adapters.test(target)),
      [],
      path,
    )
  }
})

test('SQL stands in store/ only', () => {
  const sql = /\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b/
  for (const { path, text } of sources) {
    if (!path.startsWith('store/')) assert.doesNotMatch(text, sql, path)
  }
})

test('the environment is read in config.ts only, the clock in app.ts only', () => {
  for (const { path, text } of sources) {
    if (path !== 'config.ts') assert.doesNotMatch(text, /process\.env/, path)
    if (path !== 'app.ts') assert.doesNotMatch(text, /Date\.now/, path)
  }
})

test('no row of a table is dead', () => {
  const all = sources.filter(({ path }) => path !== 'errors.ts' && path !== 'limits.ts')
  const used = (name: string) =>
    all.some(({ text }) => text.includes(`'${name}'`) || text.includes(`${name}:`))
  for (const code of Object.keys(errors)) assert.ok(used(code), `errors.ts: ${code}`)
  for (const name of Object.keys({ ...limits, ...budgets })) {
    assert.ok(
      all.some(({ text }) => text.includes(`'${name}'`) || text.includes(`, ${name}`)),
      `limits.ts: ${name}`,
    )
  }
})

test('no file is longer than 250 lines, but for the table of contents', () => {
  for (const { path, text } of sources) {
    if (path !== 'routes.ts') assert.ok(text.split('\n').length <= 251, path)
  }
})

test('nothing imports in a circle', () => {
  const byPath = new Map(sources.map((source) => [source.path, source.imports]))
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    assert.ok(!trail.includes(path), [...trail, path].join(' > '))
    if (done.has(path)) return
    for (const target of byPath.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
})

function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(/import\s+(type\s+)?([^;'"]*?)\s*from\s+'(\.[^']+)'/g)
  return [...found]
    .filter(([, type, names = '']) => !type && !isOnlyTypes(names))
    .map(([, , , target = '']) => relative(root, join(root, dirname(path), target)))
}

function isOnlyTypes(names: string): boolean {
  const list = names
    .replace(/[{}\s]+/g, ' ')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return list.length > 0 && list.every((name) => name.startsWith('type '))
}

function fileOf(pattern: RegExp): string {
  return sources.find(({ text }) => pattern.test(text))?.path ?? 'nowhere'
}
