import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { makeDataDir } from './data-dir.ts'

const OTHERS_WRITE = 0o022

/**
 * Keeps what Node makes of a source when it compiles it, from start to start: whoever could write there would say what runs
 * here, so it is the folder of the secret, and only where nobody else may write. NODE_COMPILE_CACHE names another place.
 */
export function keepCompiled(config: Pick<Config, 'dataDir'>): void {
  makeDataDir(config)
  const { uid, mode } = statSync(config.dataDir)
  if (uid !== process.getuid?.() || (mode & OTHERS_WRITE) !== 0) return
  enableCompileCache(join(config.dataDir, 'compiled'))
}
