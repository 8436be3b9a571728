import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Interruptions } from './interruptions.ts'
import { root } from './root.ts'

const leftovers = new URL('leftovers.ts', import.meta.url)
const everyTest = ['server/test/**/*.test.ts', 'sdk/typescript/test/**/*.test.ts']
/** For one test, in milliseconds. */
const TEST_LIMIT_MS = 300_000
/** For all of them: a run that hangs ends and says where. */
const RUN_LIMIT_MS = 40 * 60_000

/** Runs the tests and answers their exit code. Signals end them, and leave us to clean up after. */
export function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  interrupted: Interruptions,
): Promise<number> {
  const child = spawn(process.execPath, argumentsFor(args), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  interrupted.passTo(child)
  const limit = setTimeout(() => child.kill('SIGINT'), RUN_LIMIT_MS)
  return ending(child).finally(() => clearTimeout(limit))
}

function argumentsFor(args: readonly string[]): string[] {
  const isOption = (arg: string) => arg.startsWith('-')
  const options = args.filter(isOption)
  const files = args.filter((arg) => !isOption(arg))
  const reporter = options.some((option) => option.startsWith('--test-reporter='))
  return [
    '--test',
    '--disable-warning=ExperimentalWarning',
    '--test-concurrency=2',
    `--import=${leftovers}`,
    `--test-timeout=${TEST_LIMIT_MS}`,
    ...(reporter ? [] : ['--test-reporter=spec']),
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
