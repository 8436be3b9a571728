import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config } from '../src/config.ts'
import { childEnv } from './child-env.ts'
import { type Freddy, SECRET } from './freddy.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const moment = new URL('moment.ts', import.meta.url)

interface Said {
  readonly input?: string
  readonly env?: Record<string, string>
}

/** The operator's shell on the database of a scene, at the scene's moment. */
export const shellBeside = ({ running, now }: Freddy, words: readonly string[], said: Said = {}) =>
  shellOn(running.app.config, words, { ...said, at: now() })

/** The operator's shell, in a process of its own beside a running server. */
export function shellOn(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  words: readonly string[],
  { input = '', env = {}, at }: Said & { readonly at?: number } = {},
) {
  const whole = {
    ...childEnv(),
    SECRET_KEY: SECRET,
    HASH_THREADS: '1',
    DATA_DIR: dataDir,
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    ...env,
  }
  const then = at === undefined ? [] : [`--import=${moment}?at=${at}`]
  const flags = ['--disable-warning=ExperimentalWarning', ...then, cli]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...words], {
    env: whole,
    encoding: 'utf8',
    input,
  })
  return { status, stdout, stderr, text: stdout + stderr }
}
