import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../scripts/testing/root.ts'

const source = fileURLToPath(new URL('./slow-disk.c', import.meta.url))

/** `BENCH_SLOW_DISK=1`: what a server is started with so that each sync takes 2 ms more. Nothing without it. */
export function slowDisk(): Readonly<Record<string, string>> {
  if (!process.env.BENCH_SLOW_DISK) return {}
  preload ??= compile()
  return { LD_PRELOAD: preload }
}

let preload: string | undefined

function compile(): string {
  const made = join(root, '.cache', 'slow-disk.so')
  mkdirSync(join(root, '.cache'), { recursive: true })
  const tried = ['cc', 'gcc', 'clang'].some(
    (compiler) =>
      spawnSync(compiler, ['-shared', '-fPIC', '-O2', '-o', made, source, '-ldl']).status === 0,
  )
  if (process.platform === 'linux' && tried) return made
  throw new Error('BENCH_SLOW_DISK wants Linux and a C compiler (apt-get install gcc libc6-dev)')
}
