import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** From now on what is temporary, here and in every program below, is in one folder, which goes when this process does. */
export function ownFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-tests-'))
  // A PostgreSQL of another account has its own in here.
  chmodSync(folder, 0o711)
  process.env.TMPDIR = folder
  const patiently = { recursive: true, force: true, maxRetries: 50, retryDelay: 20 } as const
  process.once('exit', () => rmSync(folder, patiently))
}
