import { mkdirSync, statSync } from 'node:fs'
import { type Config, ConfigError } from './config.ts'

/** The folder of the database and the secret, for its owner only. */
export function makeDataDir({ dataDir }: Pick<Config, 'dataDir'>): void {
  try {
    mkdirSync(dataDir, { mode: 0o700 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(dataDir).isDirectory()) return
    const why =
      code === 'ENOENT' ? 'its parent folder is missing; make it first' : `cannot be made (${code})`
    throw new ConfigError([`DATA_DIR: ${dataDir} ${why}`])
  }
}
