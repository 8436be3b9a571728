import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { childEnv } from '../../../server/test/child-env.ts'

export const cli = fileURLToPath(new URL('../src/cli/freddy.ts', import.meta.url))

export interface Said {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Shell {
  readonly env: Record<string, string>
  /** Runs `freddy` with these words; `input` may still be on its way when it asks. */
  run(
    words: readonly string[],
    input?: readonly (string | (() => Promise<string>))[],
    env?: Record<string, string>,
  ): Promise<Said>
}

/** The command line of somebody with an empty home; `program` is what is run in place of the source, `node` what runs it. */
export function shellOf(
  context: TestContext,
  server: string,
  program: string = cli,
  node: string = process.execPath,
): Shell {
  const home = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(home, { recursive: true, force: true }))
  const env = {
    ...childEnv(),
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_STATE_HOME: join(home, 'state'),
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
    FREDDY_SERVER: server,
  }
  return {
    env,
    run: (words, input = [], more = {}) =>
      run([node, program, ...words], input, { ...env, ...more }),
  }
}

async function run(
  [node = '', ...words]: readonly string[],
  input: readonly (string | (() => Promise<string>))[],
  env: Record<string, string>,
): Promise<Said> {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...words], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (said.stderr += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  // A program that ended reads no more.
  child.stdin.on('error', () => {})
  for (const line of input) child.stdin.write(`${typeof line === 'string' ? line : await line()}\n`)
  child.stdin.end()
  return { status: await ended, ...said }
}
