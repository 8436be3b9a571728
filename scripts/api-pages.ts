import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiPage } from '../sdk/typescript/api-page.ts'
import { preparePython } from './testing/python.ts'
import { root } from './testing/root.ts'
import { run } from './testing/run.ts'

/** `npm run api-pages`: makes the pages in docs/ that name everything of both clients. */
const build = await run(process.execPath, [join(root, 'sdk', 'typescript', 'build.ts')])
if (build.exitCode !== 0) throw new Error(build.output)
write('typescript-api', apiPage())

const PYTHONPATH = [join(root, 'sdk', 'python', 'src'), await preparePython()].join(':')
const python = await run('python3', ['-B', join(root, 'sdk', 'python', 'api_page.py')], {
  PYTHONPATH,
})
if (python.exitCode !== 0) throw new Error(python.output)
write('python-api', python.output)

function write(name: string, text: string): void {
  writeFileSync(join(root, 'docs', `${name}.md`), text)
}
