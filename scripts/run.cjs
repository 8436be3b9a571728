'use strict'

/*
 * What `npm start`, `npm test` and `npm run check` call: prepares the clone, then runs the command.
 * It has to run on whatever Node is there, from 12 on. Hence, here and in set-up/: CommonJS,
 * no `?.`, no `??`, no `node:` names, nothing installed.
 */
const path = require('path')
const runChild = require('./set-up/run-child.cjs')
const prepare = require('./set-up/prepare.cjs')

const root = path.dirname(__dirname)
/** Sources as Node made them ready to run, kept from start to start: it begins sooner, and holds less. */
const compiled = path.join(root, '.cache', 'compile')

const commands = {
  start: { line: 'Freddy Auth starts.', script: 'server/src/main.ts', needs: 'running' },
  cli: { line: 'Freddy Auth, command line.', script: 'server/src/cli.ts', needs: 'running' },
  test: { line: 'Freddy Auth, tests.', script: 'scripts/test.ts', needs: 'developing' },
  check: { line: 'Freddy Auth, checks.', script: 'scripts/check.ts', needs: 'developing' },
  mutants: { line: 'Freddy Auth, mutants.', script: 'scripts/mutants.ts', needs: 'developing' },
  faults: { line: 'Freddy Auth, faults.', script: 'scripts/faults.ts', needs: 'developing' },
  release: { line: 'Freddy Auth, release.', script: 'scripts/release.ts', needs: 'developing' },
  pages: { line: 'Freddy Auth, API pages.', script: 'scripts/api-pages.ts', needs: 'developing' },
  bench: { line: 'Freddy Auth, measurements.', script: 'bench/run.ts', needs: 'developing' },
}

runChild.passSignals()
main(process.argv[2], process.argv.slice(3)).catch((error) => {
  process.stderr.write((error.sentence || error.stack) + '\n')
  process.exit(error.exitCode || 1)
})

async function main(name, args) {
  if (!Object.keys(commands).includes(name)) {
    const names = Object.keys(commands).join('|')
    process.stderr.write('Usage: node scripts/run.cjs ' + names + ' [arguments]\n')
    process.exit(2)
  }
  const command = commands[name]
  process.stderr.write(command.line + '\n')
  const node = await prepare(root, command.needs)
  const flags = ['--disable-warning=ExperimentalWarning', path.join(root, command.script)]
  const env = Object.assign({ NODE_COMPILE_CACHE: compiled }, process.env)
  const ended = await runChild(node, flags.concat(args), { cwd: root, env: env, stdio: 'inherit' })
  process.exit(ended.exitCode)
}
