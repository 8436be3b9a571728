import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Makes what is published: the library as modules with their types, and the command line as one file. */
const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
const modules = join(here, '..', '..', 'node_modules')

rmSync(dist, { recursive: true, force: true })
const tsc = [join(modules, 'typescript', 'bin', 'tsc'), '-p', join(here, 'tsconfig.build.json')]
execFileSync(process.execPath, tsc, { stdio: 'inherit' })

await build({
  entryPoints: [join(here, 'src', 'cli', 'freddy.ts')],
  outfile: join(dist, 'freddy.js'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'error',
})
chmodSync(join(dist, 'freddy.js'), 0o755)
// Its license asks for that: the command line holds a copy of it.
copyFileSync(join(modules, 'citty', 'LICENSE'), join(dist, 'LICENSE-citty.txt'))
