import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runNpm } from './packaging/npm.ts'
import { fillPackage, packFolder } from './packaging/pack.ts'
import { billOfMaterials } from './packaging/sbom.ts'
import { root } from './testing/root.ts'

/**
 * `npm run release`: what is published, into dist/. From the same commit the same bytes come out, wherever and whenever
 * it runs, so that anybody can compare them with what they were given. Publishing is another step.
 */
const dist = join(root, 'dist')
const cache = join(root, '.cache', 'npm')
const client = join(root, 'sdk', 'typescript')

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
await fillPackage(join(dist, 'package'))
execFileSync(process.execPath, [join(client, 'build.ts')], { cwd: client, stdio: 'inherit' })
const files = [packFolder(join(dist, 'package'), dist, cache), packFolder(client, dist, cache)]
const bill = join(dist, 'freddy-auth.cdx.json')
const told = runNpm(root, cache, [
  'sbom',
  '--sbom-format=cyclonedx',
  '--package-lock-only',
  '--omit=dev',
])
writeFileSync(bill, billOfMaterials(told))
const sums = [...files, bill].map((file) => {
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex')
  return `${sum}  ${basename(file)}\n`
})
writeFileSync(join(dist, 'SHA256SUMS'), sums.join(''))
process.stdout.write(sums.join(''))
