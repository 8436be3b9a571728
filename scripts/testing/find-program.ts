import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { unpackFromDebian } from './debian.ts'
import { root } from './root.ts'

/** A program, and what of Debian it needs where it is not installed. */
export interface Wanted {
  readonly name: string
  /** Debian's packages: the program's, then those of its libraries that not every machine has. */
  readonly packages: readonly string[]
  /** Where the first of them has it. */
  readonly path: string
}

export interface Program {
  readonly path: string
  /** What it has to be started with, so that it finds what was unpacked beside it. */
  readonly env: Readonly<Record<string, string>>
}

/** On the PATH, among the system's own, or unpacked beside the other things that tests need. */
export async function findProgram({ name, packages, path }: Wanted): Promise<Program> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const installed = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
  if (installed) return { path: installed, env: {} }
  const folder = join(root, '.cache', 'debian', name)
  const unpacked = join(folder, path)
  if (!existsSync(unpacked)) for (const each of packages) await unpackFromDebian(each, join(folder))
  return { path: unpacked, env: { LD_LIBRARY_PATH: librariesIn(folder) } }
}

/** Debian's place for libraries of this processor. */
function librariesIn(folder: string): string {
  const { arch } = process
  const triplet = arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return join(folder, 'usr', 'lib', triplet)
}
