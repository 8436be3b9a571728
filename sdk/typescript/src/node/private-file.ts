import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FreddyError } from '../errors.ts'

const OWNER_ONLY = 0o600

/** The bytes of a file that only its owner may read; null when there is none. */
export async function readPrivate(path: string): Promise<Buffer | null> {
  try {
    const { mode } = await stat(path)
    // Windows has other means than these bits.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new FreddyError(`Others may read ${path}: chmod 600 it, or delete it and sign in again`)
    }
    return await readFile(path)
  } catch (cause) {
    if (isMissing(cause)) return null
    throw cause
  }
}

/** Replaces the whole file at once: a reader sees the old one or the new one. */
export async function writePrivate(path: string, bytes: Uint8Array): Promise<void> {
  const draft = await writeDraft(path, bytes)
  await rename(draft, path)
}

/** Makes the file unless it is there; answers what is there. */
export async function createPrivate(path: string, bytes: Uint8Array): Promise<Buffer> {
  const draft = await writeDraft(path, bytes)
  try {
    await link(draft, path).catch((cause) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    })
  } finally {
    await rm(draft, { force: true })
  }
  return (await readPrivate(path)) ?? Buffer.from(bytes)
}

async function writeDraft(path: string, bytes: Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, bytes, { mode: OWNER_ONLY, flag: 'wx', flush: true })
  return draft
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
