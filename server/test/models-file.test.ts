import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, readConfig } from '../src/config.ts'
import { readModels } from '../src/models-file.ts'
import { startProcess } from './server-process.ts'

function folderWith(context: TestContext, text: string, name = 'models.json'): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, name), text)
  return folder
}

/** What is wrong with a file, each in a sentence. */
function problemsOf(context: TestContext, file: unknown): readonly string[] {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  try {
    readModels(readConfig({ DATA_DIR: folderWith(context, text) }))
  } catch (cause) {
    assert.ok(cause instanceof ConfigError)
    return cause.problems
  }
  return []
}

const upstreams = { big: { url: 'https://models.example.com/v1', api_key: 'sk-1' } }
const fast = { name: 'fast', upstream: 'big', model: 'big-mini', input_price: 0.2, context: 128000 }

test('a file names models, and which server answers for each', (context) => {
  const file = JSON.stringify({ upstreams, models: [fast, { name: 'slow', upstream: 'big' }] })
  const { models, standard } = readModels(readConfig({ DATA_DIR: folderWith(context, file) }))
  assert.equal(standard, null)
  const upstream = { name: 'big', url: 'https://models.example.com/v1', apiKey: 'sk-1' }
  const [one, other] = models
  assert.deepEqual(one, {
    name: 'fast',
    upstream,
    upstreamModel: 'big-mini',
    inputPrice: 0.2,
    outputPrice: null,
    context: 128000,
  })
  assert.deepEqual([other?.upstreamModel, other?.context], ['slow', null])
})

test('the file may stand elsewhere, beside a standard server; without both there is no model', (context) => {
  const folder = folderWith(context, JSON.stringify({ upstreams, models: [fast] }), 'mine.json')
  const there = { DATA_DIR: folder, MODELS_FILE: join(folder, 'mine.json') }
  const both = readModels(readConfig({ ...there, UPSTREAM_URL: 'https://other.example.com' }))
  assert.deepEqual(
    both.upstreams.map(({ name }) => name),
    ['standard', 'big'],
  )
  assert.equal(both.standard?.url, 'https://other.example.com/v1')
  assert.deepEqual(readModels(readConfig({ DATA_DIR: folder })).models, [])
  assert.throws(
    () => readModels(readConfig({ MODELS_FILE: join(folder, 'none.json') })),
    /MODELS_FILE: .*none\.json: it cannot be read, or is not JSON/,
  )
})

test('every mistake of a file is told at once, and names its entry', (context) => {
  const problems = problemsOf(context, {
    upstreams: { ...upstreams, far: { url: 'ftp://x' }, near: { url: 'http://127.1/v1' } },
    models: [
      fast,
      { name: 'lost', upstream: 'nowhere' },
      { ...fast, model: 'other' },
      { name: 'dear', upstream: 'big', input_price: 2_000_000 },
      { name: 'free', upstream: 'big', output_price: -1 },
      { name: 'small', upstream: 'big', context: 0 },
      { name: 'odd', upstream: 'big', prise: 1 },
    ],
  })
  for (const told of [
    /upstreams\.far: its url is no http or https address/,
    /upstreams\.near: its url is no http or https address/,
    /models\.1 \(lost\): its upstream nowhere stands in no upstreams/,
    /models\.2 \(fast\): the name stands there already/,
    /models\.3 \(dear\): input_price/,
    /models\.4 \(free\): output_price/,
    /models\.5 \(small\): context/,
    /models\.6 \(odd\): prise/,
  ]) {
    assert.equal(
      problems.filter((problem) => told.test(problem)).length,
      1,
      `${told} ${problems.join('\n')}`,
    )
  }
  assert.equal(problems.length, 8, problems.join('\n'))
  for (const problem of problems) assert.match(problem, /^MODELS_FILE: .*models\.json: /)
})

test('what is no table of models at all is one problem', (context) => {
  for (const file of ['', '{', '[]', 'null', '7', '{}', '{"upstreams":{"a":null},"models":[]}']) {
    assert.equal(problemsOf(context, file).length, 1, file)
  }
})

test('a secret of a file is repeated by no problem', (context) => {
  const problems = problemsOf(context, {
    upstreams: {
      big: { url: 'https://user:sk-secret@models.example.com', api_key: 7, key: 'sk-secret' },
    },
    models: [],
  })
  assert.ok(problems.length > 0)
  assert.doesNotMatch(problems.join(), /sk-secret/)
})

test('a server does not start with a file that is wrong, and says all that is', async (context) => {
  const models = [
    { name: 'a', upstream: 'x' },
    { name: 'b', upstream: 'y' },
  ]
  const folder = folderWith(context, JSON.stringify({ upstreams: {}, models }))
  const start = startProcess({ DATA_DIR: folder })
  await assert.rejects(start, /ended with 1: .*models\.0 \(a\).*models\.1 \(b\)/s)
})
