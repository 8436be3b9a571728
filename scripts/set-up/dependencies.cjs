'use strict'

const crypto = require('crypto')
const fs = require('fs')
const path = require('path')
const npm = require('./npm.cjs')
const recentNpm = require('./recent-npm.cjs')

const estimates = { running: 'about 10 s, once', developing: 'about 20 s, once' }

module.exports = { areThere: areThere, install: install }

/** True when what package-lock.json names is installed; all there is serves 'running' too. */
function areThere(root, needs) {
  const installed = read(stamp(root))
  const hash = hashOf(root)
  if (installed !== hash + ' developing' && installed !== hash + ' ' + needs) return false
  return fs.existsSync(path.join(root, 'node_modules', '.package-lock.json'))
}

/** Installs it with the npm at hand; `node` runs a newer npm where that one is too old. */
async function install(root, needs, node) {
  const runtime = path.join(root, '.runtime')
  process.stderr.write('Installing what package-lock.json names (' + estimates[needs] + ') …\n')
  const args = argumentsFor(root, needs)
  fs.writeFileSync(stamp(root), '')
  const command = await recentNpm(runtime, node)
  await npm(root, args, path.join(runtime, 'npm-install.log'), command)
  fs.writeFileSync(stamp(root), hashOf(root) + ' ' + needs)
}

/**
 * `npm ci` begins by deleting node_modules, also under a server that runs from it.
 * So where only the developers' part is missing it is added.
 */
function argumentsFor(root, needs) {
  if (areThere(root, 'running')) return ['install', '--no-save', '--include=dev']
  return needs === 'running' ? ['ci', '--omit=dev'] : ['ci', '--include=dev']
}

function stamp(root) {
  return path.join(root, '.runtime', 'installed')
}

/** A clone may be shared by two systems, say a machine and its containers. */
function hashOf(root) {
  const lockFile = fs.readFileSync(path.join(root, 'package-lock.json'))
  return crypto
    .createHash('sha256')
    .update(process.platform + ' ' + process.arch + ' ')
    .update(lockFile)
    .digest('hex')
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (_) {
    return ''
  }
}
