import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fillPackage } from './packaging/pack.ts'
import { root } from './testing/root.ts'

/*
 * What the Dockerfile's first stage ends with: the package of the server, and beside it the one thing that it does not
 * hold a copy of, as `npm ci` installed and checked it.
 */
const [folder] = process.argv.slice(2)
if (!folder) throw new Error('node scripts/image.ts FOLDER')

await fillPackage(folder)
const modules = join('node_modules', '@node-rs')
mkdirSync(join(folder, modules), { recursive: true })
for (const name of readdirSync(join(root, modules)).filter((each) => each.startsWith('argon2')))
  cpSync(join(root, modules, name), join(folder, modules, name), { recursive: true })
