import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { root } from '../testing/root.ts'
import { bundle } from './bundle.ts'
import { runNpm } from './npm.ts'

/** Folders and files that go as they are, for the ones that the filter lets through. */
const copied: readonly (readonly [string, RegExp])[] = [
  ['hub/dist', /\.(js|css)$/],
  ['hub/words', /pages\.json$/],
  ['docs', /docs\/([a-z-]+\.md|(site|pictures)\/[a-z-]+\.(css|js|svg))$/],
  ['server/src/mail/letters', /\.hbs$/],
  ['server/src/store/migrations', /\.sql$/],
  ['LICENSE', /LICENSE$/],
  ['SECURITY.md', /md$/],
  ['CHANGELOG.md', /md$/],
]

/** What the built Hub holds a copy of. */
const inTheHub = ['node_modules/preact', 'node_modules/uqr']

/** Fills a folder with what is published: the server as JavaScript, the built Hub, the pages, and nothing to compile. */
export async function fillPackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const packages = await bundle(join(folder, 'server', 'dist'))
  for (const [from, fits] of copied) {
    cpSync(join(root, from), join(folder, from), {
      recursive: true,
      filter: (path) => !/\.[a-z]+$/.test(path) || fits.test(path),
    })
  }
  cpSync(join(root, 'scripts', 'packaging', 'bin'), join(folder, 'bin'), { recursive: true })
  chmodSync(join(folder, 'bin', 'freddy-auth.cjs'), 0o755)
  cpSync(join(root, 'scripts', 'packaging', 'README.md'), join(folder, 'README.md'))
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), licences([...packages, ...inTheHub]))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
}

/** Packs such a folder into `place`; the path of the archive. The same files make the same bytes. */
export function packFolder(folder: string, place: string, cache: string): string {
  const words = ['pack', '--json', '--ignore-scripts', `--pack-destination=${place}`]
  const [packed] = JSON.parse(runNpm(folder, cache, words)) as { filename: string }[]
  return join(place, packed?.filename ?? '')
}

/** What npm reads: the same name and version, one thing to install, and no script. */
function manifest() {
  const { name, version, description, license, type, engines, dependencies } = readJson(root)
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin: { 'freddy-auth': 'bin/freddy-auth.cjs' },
    dependencies: { '@node-rs/argon2': dependencies['@node-rs/argon2'] },
  }
}

/** The licences of what the bundle holds a copy of. One that has no file says so. */
function licences(packages: readonly string[]): string {
  const parts = packages.map((path) => {
    const folder = join(root, path)
    const { name, version, license } = readJson(folder)
    const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each))
    const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`
    return `${name} ${version}\n\n${text}\n`
  })
  return parts.join(`\n${'-'.repeat(80)}\n\n`)
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly type: string
  readonly engines: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

function readJson(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
