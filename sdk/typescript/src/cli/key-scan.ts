import { createReadStream } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type FoundKey, keysIn, LONGEST_MATCH } from './api-key-text.ts'

export interface Finding extends Omit<FoundKey, 'at'> {
  readonly path: string
  readonly line: number
}

/** Hears how far it is. */
export interface Progress {
  file(path: string): void
  unreadable(path: string): void
}

const CHUNK_BYTES = 64 * 1024
const NEWLINE = 10

/** Looks through a file or a folder, a chunk at a time; `.git`, links and files with a zero byte are passed over. */
export async function* scan(path: string, progress: Progress): AsyncGenerator<Finding> {
  if (!(await stat(path)).isDirectory()) return yield* scanFile(path, progress)
  yield* scanFolder(path, progress)
}

async function* scanFolder(folder: string, progress: Progress): AsyncGenerator<Finding> {
  const entries = await opendir(folder).catch(() => null)
  if (!entries) return progress.unreadable(folder)
  for await (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== '.git') yield* scanFolder(path, progress)
    if (entry.isFile()) yield* scanFile(path, progress)
  }
}

async function* scanFile(path: string, progress: Progress): AsyncGenerator<Finding> {
  progress.file(path)
  try {
    yield* findingsIn(path)
  } catch {
    progress.unreadable(path)
  }
}

/**
 * What stands across the end of a chunk is looked at with the next one, together with the byte before it: that says
 * whether a word begins there.
 */
async function* findingsIn(path: string): AsyncGenerator<Finding> {
  let line = 1
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  let seen = 0
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  for await (const chunk of chunks) {
    if (rest.length === 0 && chunk.includes(0)) return
    const whole = Buffer.concat([rest, chunk])
    const end = Math.max(seen, whole.length - LONGEST_MATCH)
    yield* located(path, whole, line, seen, end)
    const kept = Math.max(0, end - 1)
    line += newlinesIn(whole.subarray(0, kept))
    rest = whole.subarray(kept)
    seen = end - kept
  }
  yield* located(path, rest, line, seen, rest.length)
}

/** Findings that begin in this range. One byte is one character: the keys are ASCII, the rest does not matter. */
function located(path: string, bytes: Buffer, line: number, start: number, end: number): Finding[] {
  const text = bytes.toString('latin1')
  if (!text.includes('ak_')) return []
  return keysIn(text)
    .filter(({ at }) => at >= start && at < end)
    .map(({ at, ...key }) => ({ path, line: line + newlinesIn(bytes.subarray(0, at)), ...key }))
}

function newlinesIn(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1
  return count
}
