import { statSync } from 'node:fs'

/** A log of SQLite that is never longer while it can be written back: a commit does so from a little less. */
export const MOST_LOG_BYTES = 64 * 1024 * 1024

/** How long the log of a database file is, as bytes on the disk. */
export function logBytesOf(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
}
