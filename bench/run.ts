import { existsSync, readdirSync } from 'node:fs'

/** `npm run bench -- <name>`: one measurement of this folder. */
const [name = ''] = process.argv.slice(2)
const file = new URL(`./${name}.ts`, import.meta.url)
if (/^[a-z-]+$/.test(name) && name !== 'run' && existsSync(file)) await import(file.href)
else {
  const names = readdirSync(new URL('./', import.meta.url))
    .filter((each) => each.endsWith('.ts') && each !== 'run.ts')
    .map((each) => each.slice(0, -3))
  process.stderr.write(`Usage: npm run bench -- ${names.join('|')}\n`)
  process.exitCode = 2
}
