'use strict'

const fs = require('fs')
const path = require('path')
const Problem = require('./problem.cjs')
const runChild = require('./run-child.cjs')

/** npm's own waits add up to more than a minute when there is no network; these to about 15 s. */
const patience = [
  '--fetch-retries=4',
  '--fetch-retry-factor=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=10000',
]
const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=notice']

const causes = [
  [
    /EUSAGE/,
    () => 'package-lock.json does not fit package.json: run `npm install`, then try again.',
  ],
  [/ENOSPC/, () => 'The disk is full: free some space (about 500 MB are needed), then try again.'],
  [
    /EACCES|EPERM|EROFS/,
    (folder) => 'npm may not write where it must: make ' + folder + ' and the npm cache yours.',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED/,
    () => 'npm cannot reach its registry: check the network or the proxy, then try again.',
  ],
]

/**
 * Runs npm in `folder`. What it says goes to `log`, and to the screen only when it failed.
 * `command` is the program and its first arguments; by default the npm that called us.
 */
module.exports = async function npm(folder, args, log, command) {
  const how = command || npmThatIsThere()
  const output = fs.openSync(log, 'w')
  const ended = await runChild(how[0], how.slice(1).concat(args, quiet, patience), {
    cwd: folder,
    env: cleanEnvironment(),
    stdio: ['ignore', output, output],
    // npm is a batch file there, and batch files run in a shell only.
    shell: how[0] === 'npm.cmd',
  }).catch(throwMissing)
  fs.closeSync(output)
  if (ended.stopCode) throw new Problem('Stopped.', ended.stopCode)
  if (ended.exitCode !== 0) throw new Problem(explain(folder, log))
}

function npmThatIsThere() {
  const script = process.env.npm_execpath || ''
  if (path.basename(script) === 'npm-cli.js' && fs.existsSync(script)) {
    return [process.execPath, script]
  }
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm']
}

/** `npm start` tells its children which project it runs in; an npm in another folder must not hear. */
function cleanEnvironment() {
  const env = Object.assign({}, process.env)
  const told = /^npm_(config_(local_prefix|prefix|global|dry_run)$|package_|lifecycle_)/
  const names = Object.keys(env).filter((name) => told.test(name))
  for (const name of names) delete env[name]
  return env
}

function throwMissing(error) {
  if (error.code !== 'ENOENT') throw error
  throw new Problem('There is no npm on the PATH: install Node 24 with its npm, then try again.')
}

function explain(folder, log) {
  const text = fs.readFileSync(log, 'utf8')
  const cause = causes.find((row) => row[0].test(text))
  if (cause) return cause[1](folder) + ' (Details: ' + log + ')'
  if (!text.trim()) return 'npm ended without a word: is the disk full, or the memory?'
  const end = text.trim().split('\n').slice(-15).join('\n')
  return end + '\nnpm failed; all it said is in ' + log
}
