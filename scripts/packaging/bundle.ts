import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { root } from '../testing/root.ts'

const source = join(root, 'server', 'src')
/** Where the bundle stands in the package, seen from the clone: files are found from there. */
const place = join(root, 'server', 'dist')

/** The server and what it uses, as JavaScript: the server, the operator's shell, and the two threads that are files of their own. */
export async function bundle(outdir: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: {
      cli: join(source, 'cli.ts'),
      main: join(source, 'main.ts'),
      'hash-thread': join(source, 'workers', 'hash-thread.ts'),
      'writer-thread': join(source, 'workers', 'writer-thread.ts'),
    },
    absWorkingDir: root,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    chunkNames: 'part-[hash]',
    // Machine code that fits the machine, and what pg tries when it is there.
    external: ['@node-rs/argon2', 'pg-native'],
    define: { 'import.meta.main': 'false' },
    banner: {
      js: "import { createRequire as freddyRequire } from 'node:module'; const require = freddyRequire(import.meta.url);",
    },
    plugins: [filesFromHere],
    metafile: true,
    legalComments: 'none',
    logLevel: 'error',
  })
  const packages = Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(packages)].sort()
}

/** A file that stands beside its source stands elsewhere as seen from the bundle. */
const filesFromHere: Plugin = {
  name: 'files-from-here',
  setup({ onLoad }) {
    onLoad({ filter: /\/server\/src\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const contents = text.replace(
        /new URL\((['`])(\.[^'`$]*)([^'`]*)\1, import\.meta\.url\)/g,
        (_, quote: string, fixed: string, rest: string) =>
          `new URL(${quote}${fromBundle(path, fixed)}${rest}${quote}, import.meta.url)`,
      )
      return { contents, loader: 'ts' }
    })
  },
}

function fromBundle(file: string, named: string): string {
  const thread = /([a-z-]+)\.ts$/.exec(named)
  if (thread) return `./${thread[1]}.js`
  const slash = named.endsWith('/') ? '/' : ''
  return relative(place, resolve(dirname(file), named)) + slash
}
