import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, constants, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { Interruptions } from './interruptions.ts'
import { root } from './root.ts'
import type { Tally } from './tally.ts'

const beside = (name: string) => new URL(name, import.meta.url).href
const everyTest = ['server/test/**/*.test.ts', 'sdk/typescript/test/**/*.test.ts']
/** For one test, in milliseconds. */
const TEST_LIMIT_MS = 300_000
/** For all of them: a run that hangs ends and says where. */
const RUN_LIMIT_MS = 40 * 60_000
/** Files at once: one more than there are cores, for a file waits a third of its time. */
const AT_ONCE = availableParallelism() + 1
/** As many red files are tried again: a busy machine makes few. */
const MOST_TRIED_AGAIN = 3

interface Run {
  readonly code: number
  readonly tally: Tally | null
}

/**
 * Runs the tests and answers their exit code. Signals end them, and leave us to clean up after. When all are run, several
 * files at a time, and few are red, those run once more alone: what is red by itself is broken, the rest was the
 * machine's load, and is named.
 */
export async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  interrupted: Interruptions,
): Promise<number> {
  if (args.length > 0) return (await run(args, env, interrupted)).code
  const { code, tally } = await run([], env, interrupted)
  const red = tally?.red.map((file) => relative(root, file)) ?? []
  if (!tally || red.length === 0 || red.length > MOST_TRIED_AGAIN) return code
  console.log(`\nRed, and tried again alone: ${red.join(', ')}`)
  const again = await run(['--test-concurrency=1', ...red], env, interrupted)
  const failed = again.tally?.failed ?? tally.failed
  const passed = tally.passed + tally.failed - failed
  console.log(`\n${passed} passed, ${failed} failed (red at first: ${tally.failed})`)
  return again.code
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  interrupted: Interruptions,
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-tally-'))
  const file = join(folder, 'tally.json')
  const child = spawn(process.execPath, argumentsFor(args, file), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  interrupted.passTo(child)
  const limit = setTimeout(() => child.kill('SIGINT'), RUN_LIMIT_MS)
  try {
    const code = await ending(child)
    const told = existsSync(file) ? readFileSync(file, 'utf8') : ''
    return { code, tally: told ? JSON.parse(told) : null }
  } finally {
    clearTimeout(limit)
    rmSync(folder, { recursive: true })
  }
}

function argumentsFor(args: readonly string[], file: string): string[] {
  const isOption = (arg: string) => arg.startsWith('-')
  const options = args.filter(isOption)
  const files = args.filter((arg) => !isOption(arg))
  const reports = options.some((option) => option.startsWith('--test-reporter'))
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout']
  const tally = [`--test-reporter=${beside('tally.ts')}`, `--test-reporter-destination=${file}`]
  return [
    '--test',
    '--disable-warning=ExperimentalWarning',
    `--test-concurrency=${AT_ONCE}`,
    `--import=${beside('leftovers.ts')}`,
    `--test-timeout=${TEST_LIMIT_MS}`,
    ...(reports ? [] : [...reporters, ...tally]),
    ...options,
    ...(files.length > 0 ? files : everyTest),
  ]
}

function ending(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
    })
  })
}
