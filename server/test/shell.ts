import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../src/config.ts'
import { SECRET } from './freddy.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** The operator's shell, in a process of its own beside a running server. */
export function shellOn(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  words: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
) {
  const whole = {
    PATH: process.env.PATH,
    SECRET_KEY: SECRET,
    HASH_THREADS: '1',
    DATA_DIR: dataDir,
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    ...env,
  }
  const flags = ['--disable-warning=ExperimentalWarning', cli]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...words], {
    env: whole,
    encoding: 'utf8',
    input,
  })
  return { status, stdout, stderr, text: stdout + stderr }
}
