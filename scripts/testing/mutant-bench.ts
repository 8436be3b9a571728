import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { Mutant } from '../../mutants/mutant.ts'
import { root } from './root.ts'

const LIMIT_MS = 120_000
/** What is no source, or is large. */
const leftOut = new Set(['node_modules', '.git', '.runtime', '.cache', 'data'])

export interface Run {
  /** Names of tests that passed. */
  readonly passed: readonly string[]
  /** The first test that failed, where the run stops; null when none did. */
  readonly failed: string | null
  /** Why the tests could not run at all. */
  readonly broken: string | null
}

export interface Verdict {
  readonly mutant: Mutant
  readonly outcome: 'noticed' | 'survived' | 'did not apply'
  /** The first test that failed, or why it did not apply. */
  readonly by: string
  readonly seconds: number
}

/** A copy of the tree in a temporary folder, where one mutant at a time is tried. */
export interface Bench {
  test(file: string, names: readonly string[]): Promise<Run>
  try(mutant: Mutant): Promise<Verdict>
  close(): void
}

export function openBench(env: NodeJS.ProcessEnv = process.env): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-mutants-'))
  // A test's own PostgreSQL runs as somebody else where we are root, and has its folder in here.
  chmodSync(folder, 0o711)
  const running = new Set<ChildProcess>()
  const close = () => {
    for (const child of running) endGroup(child)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    process.off('exit', close)
  }
  process.once('exit', close)
  const tree = copyTree(folder)
  const around = environment(env, folder)
  const test: Bench['test'] = (file, names) => runTests(tree, around, file, names, running)
  return { test, try: (mutant) => tryMutant(tree, mutant, test), close }
}

function copyTree(folder: string): string {
  const tree = join(folder, 'tree')
  cpSync(root, tree, {
    recursive: true,
    filter: (path) => !leftOut.has(relative(root, path).split('/').at(-1) ?? ''),
  })
  mkdirSync(join(root, '.cache'), { recursive: true })
  for (const name of ['node_modules', '.cache']) symlinkSync(join(root, name), join(tree, name))
  return tree
}

/** What tests leave behind when they are stopped goes with the bench. */
function environment(env: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const scratch = join(folder, 'scratch')
  mkdirSync(scratch)
  // Inside a test Node would take a run of tests for a part of that test.
  // What is compiled of a copy would be kept for a path that never comes again.
  const { NODE_TEST_CONTEXT: _, NODE_COMPILE_CACHE: _kept, ...rest } = env
  return { ...rest, TMPDIR: scratch }
}

async function tryMutant(tree: string, mutant: Mutant, test: Bench['test']): Promise<Verdict> {
  const start = performance.now()
  const verdict = (outcome: Verdict['outcome'], by: string): Verdict => ({
    mutant,
    outcome,
    by,
    seconds: (performance.now() - start) / 1000,
  })
  const path = join(tree, 'server/src', mutant.file)
  const genuine = readFileSync(path, 'utf8')
  const places = genuine.split(mutant.find)
  if (places.length !== 2)
    return verdict('did not apply', `its text stands ${places.length - 1} times`)
  try {
    writeFileSync(path, places.join(mutant.replace))
    const { passed, failed, broken } = await test(mutant.tests, [mutant.named])
    if (failed) return verdict('noticed', failed)
    if (broken) return verdict('did not apply', broken)
    return verdict('survived', `${passed.length} passed`)
  } finally {
    writeFileSync(path, genuine)
  }
}

/** Ends with the first failure: one is enough, and what it was is told. */
function runTests(
  cwd: string,
  env: NodeJS.ProcessEnv,
  file: string,
  names: readonly string[],
  running: Set<ChildProcess>,
): Promise<Run> {
  const child = spawn(process.execPath, [...options(names), join('server/test', file)], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  const passed: string[] = []
  let failed: string | null = null
  let tail = ''
  let line = ''
  const read = (text: string) => {
    const [, verdict, name = ''] = /^\s*(ok|not ok) \d+ - (.*?)(?: # .*)?$/.exec(text) ?? []
    if (verdict === 'ok') passed.push(name)
    if (verdict !== 'not ok' || failed) return
    failed = name
    endGroup(child)
  }
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    const lines = (line + part).split('\n')
    line = lines.pop() ?? ''
    lines.forEach(read)
  })
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    tail = (tail + part).slice(-2000)
  })
  const limit = setTimeout(() => {
    failed ??= `(nothing within ${LIMIT_MS / 1000} s)`
    endGroup(child)
  }, LIMIT_MS)
  return new Promise((resolve) => {
    child.on('error', (cause) => {
      tail = cause.message
    })
    child.on('close', (code) => {
      clearTimeout(limit)
      running.delete(child)
      resolve({ passed, ...told(failed, file, code, passed.length, tail) })
    })
  })
}

/** A file that cannot be read fails under its own name: nobody noticed anything then. */
function told(
  failed: string | null,
  file: string,
  code: number | null,
  passed: number,
  tail: string,
): Pick<Run, 'failed' | 'broken'> {
  const isFile = failed?.endsWith(file) ?? false
  if (failed && !isFile) return { failed, broken: null }
  const [reason = ''] = tail.split('\n').filter((line) => /Error/.test(line))
  if (isFile || code !== 0) return { failed: null, broken: reason || 'the tests do not start' }
  return { failed: null, broken: passed === 0 ? 'no test has such a name' : null }
}

function options(names: readonly string[]): string[] {
  return [
    '--test',
    '--test-isolation=none',
    '--test-reporter=tap',
    '--disable-warning=ExperimentalWarning',
    ...names.map((name) => `--test-name-pattern=${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`),
  ]
}

/** Tests start servers, and these are to go with them: the child leads a group of its own. */
function endGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
